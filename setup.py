"""What pyproject.toml cannot say: the project's addresses, and README.md with links that work on any page."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

# The address of the repository; CONTRIBUTING.md ("Releasing") lists the other places that name it.
REPOSITORY = "https://github.com/OWNER/finetooth"

_HERE = Path(__file__).parent
_VERSION = tomllib.loads((_HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
_RELATIVE = re.compile(r"(?P<text>(?P<image>!?)\[[^\]]*\])\((?![a-z]+:|#)(?P<file>[^)\s]+)")


def _whole(link: re.Match[str]) -> str:
    kind = "raw" if link["image"] else "blob"
    return f"{link['text']}({REPOSITORY}/{kind}/v{_VERSION}/{link['file']}"


setup(
    long_description=_RELATIVE.sub(_whole, (_HERE / "README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
    project_urls={
        "Repository": REPOSITORY,
        "Documentation": f"{REPOSITORY}/tree/v{_VERSION}/docs",
        "Changelog": f"{REPOSITORY}/blob/v{_VERSION}/CHANGELOG.md",
        "Issues": f"{REPOSITORY}/issues",
    },
)
