"""What the wheel and the source archive hold, and what a package index will show of them."""

import ast
import email
import email.message
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from source_tree import PACKAGE, REPOSITORY, imports, modules

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INFO = f"finetooth-{PROJECT['version']}.dist-info"
NOT_SOURCE = {".git", ".venv", "runs", "build", "dist"}
# A wheel of this project is small; a model or a data set in it would show here.
MOST_BYTES = 2_000_000
NAMES_OF_MODULES = {"PyYAML": "yaml", "scikit-learn": "sklearn"}
# Imported, though not declared: transformers needs it and pins the version that fits.
BROUGHT_BY_ANOTHER = {"tokenizers"}


@dataclass(frozen=True)
class Built:
    """The two files of a release. files: {name in the wheel: bytes}; archived: names in the source archive."""

    files: dict[str, bytes]
    archived: set[str]

    @property
    def metadata(self) -> email.message.Message:
        """The wheel's METADATA."""
        return email.message_from_bytes(self.files[f"{INFO}/METADATA"])

    @property
    def description(self) -> str:
        """The long description, in Markdown."""
        return self.files[f"{INFO}/METADATA"].partition(b"\n\n")[2].decode()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Both files of a release, built from a copy, because building writes beside the sources."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(REPOSITORY, folder / "source", ignore=_left_out)
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(folder / "dist"),
        str(folder / "source"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (folder / "dist").glob("*.whl")
    (archive,) = (folder / "dist").glob("*.tar.gz")
    assert wheel.name == f"finetooth-{PROJECT['version']}-py3-none-any.whl"
    assert wheel.stat().st_size < MOST_BYTES and archive.stat().st_size < MOST_BYTES
    with zipfile.ZipFile(wheel) as file:
        files = {name: file.read(name) for name in file.namelist()}
    with tarfile.open(archive) as tar:
        archived = {item.name.partition("/")[2] for item in tar.getmembers() if item.isfile()}
    return Built(files, archived)


def _left_out(folder: str, names: list[str]) -> list[str]:
    made = {".hypothesis", "__pycache__", *(name for name in names if name.endswith(("_cache", ".egg-info")))}
    return [name for name in names if name in made or (name in NOT_SOURCE and Path(folder) == REPOSITORY)]


def package_files() -> Iterator[Path]:
    """Every file of the package, from `src`."""
    for path in PACKAGE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def test_the_wheel_holds_the_package_its_licence_and_nothing_else(built):
    package = {path.relative_to(PACKAGE.parent).as_posix() for path in package_files()}
    info = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "top_level.txt", "licenses/LICENSE"}
    assert set(built.files) == package | {f"{INFO}/{name}" for name in info}
    assert built.files[f"{INFO}/licenses/LICENSE"] == (REPOSITORY / "LICENSE").read_bytes()
    assert built.files[f"{INFO}/entry_points.txt"].split() == [
        b"[console_scripts]",
        b"finetooth",
        b"=",
        b"finetooth.cli:main",
    ]


@pytest.mark.parametrize(
    "name", ["py.typed", "quickstart.yaml", "report/style.css", "report/script.js", "report/templates/page.html"]
)
def test_the_wheel_holds_what_is_read_at_run_time(built, name):
    assert built.files[f"finetooth/{name}"] == (PACKAGE / name).read_bytes()


def test_the_source_archive_holds_what_builds_the_wheel_and_nothing_else(built):
    package = {path.relative_to(REPOSITORY).as_posix() for path in package_files()}
    made = {"PKG-INFO", "setup.cfg"}
    kept = {name for name in built.archived if not name.startswith("src/finetooth.egg-info/")}
    assert kept == package | made | {"LICENSE", "README.md", "pyproject.toml", "setup.py"}


def test_the_metadata_says_what_an_index_shows(built):
    metadata = built.metadata
    assert metadata["Name"] == "finetooth"
    assert metadata["Version"] == PROJECT["version"] == importlib.metadata.version("finetooth")
    assert metadata["License-Expression"] == "Apache-2.0" and metadata.get_all("License-File") == ["LICENSE"]
    assert 20 < len(metadata["Summary"]) < 160
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    keywords = metadata["Keywords"].split(",")
    assert {"lora", "peft", "text-classification"} <= set(keywords) and len(keywords) == len(set(keywords))
    labels = {item.partition(", ")[0] for item in metadata.get_all("Project-URL")}
    assert labels == {"Changelog", "Documentation", "Issues", "Repository"}


def test_the_classifiers_name_the_versions_of_python_that_may_install_it(built):
    classifiers = built.metadata.get_all("Classifier")
    assert classifiers == sorted(classifiers)
    named = re.findall(r"^Programming Language :: Python :: (3\.\d+)$", "\n".join(classifiers), flags=re.MULTILINE)
    lowest = PROJECT["requires-python"].removeprefix(">=")
    assert min(named, key=Version) == lowest
    # The licence stands in License-Expression, beside which an index refuses a classifier for it.
    assert not [item for item in classifiers if item.startswith("License ::")]


def test_every_third_party_that_the_package_imports_is_a_dependency(built):
    declared = {Requirement(text).name for text in built.metadata.get_all("Requires-Dist") if "extra ==" not in text}
    names = {NAMES_OF_MODULES.get(name, name).lower() for name in declared} | {"yaml"}
    for module in modules():
        for line, name in required_imports(module):
            assert name in names | BROUGHT_BY_ANOTHER, f"{module.where}:{line} imports {name}, which is no dependency."


def required_imports(module):
    """(line, top name) of a module's imports of third parties, but those that it can do without: under try or if."""
    optional = {
        inner.lineno
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Try | ast.If)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    }
    for line, name in imports(module):
        top = name.split(".")[0]
        if line not in optional and top != "finetooth" and top not in sys.stdlib_module_names:
            yield line, top


def test_pip_comes_along_for_models_that_a_package_index_carries(built):
    # An environment made by uv has no pip of its own, and finetooth.sources.pip starts the one beside it.
    wanted = [Requirement(text) for text in built.metadata.get_all("Requires-Dist")]
    (pip,) = [item for item in wanted if item.name == "pip"]
    assert pip.marker is None
    # What Python 3.11 came with is enough: `pip install finetooth` need not replace the pip that is running.
    assert "22.3" in pip.specifier


def test_the_description_is_the_readme_with_addresses_that_work_anywhere(built):
    assert built.metadata["Description-Content-Type"] == "text/markdown"
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", built.description)
    assert len(links) == len(re.findall(r"\]\(([^)\s]+)\)", readme)) > 10
    for link in links:
        assert "://" in link or link.startswith("#"), f"{link} leads nowhere on the page of a package index."
    words = re.compile(r"\]\([^)]*\)")
    assert words.sub("", built.description).strip() == words.sub("", readme).strip()


def test_a_link_to_a_file_leads_to_it_in_the_repository_at_this_version(built):
    place = f"{address()}/blob/v{PROJECT['version']}"
    assert f"]({place}/docs/recipe.md)" in built.description
    for link in re.findall(r"\]\(([^)\s]+)\)", built.description):
        if link.startswith(place):
            assert (REPOSITORY / link.removeprefix(place + "/").partition("#")[0]).exists(), link


def test_the_addresses_of_the_package_are_in_the_repository_of_setup_py(built):
    urls = [item.partition(", ")[2] for item in built.metadata.get_all("Project-URL")]
    assert urls and all(url.startswith(address()) for url in urls)


def address():
    """The repository's address, as setup.py gives it."""
    return re.search(r'^REPOSITORY = "(https://\S+)"$', (REPOSITORY / "setup.py").read_text("utf-8"), re.MULTILINE)[1]
