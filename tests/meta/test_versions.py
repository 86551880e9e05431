"""Version floors: below each of these stands a fault that would break a promise."""

import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from source_tree import REPOSITORY

# Where a package is absent it cannot do harm; `needed` are those that the promises rest on.
FLOORS = {
    "torch": ">=2.11",
    "transformers": ">=5.3",
    "peft": ">=0.21",  # saves trained biases
    "safetensors": ">=0.8",
    "accelerate": ">1.14",
    "starlette": ">=1.3.1",
    "fastapi": ">=0.133",
    "python-multipart": ">=0.0.27",
    "onnx": ">=1.21",
    "pyarrow": ">23.0.0",
    "filelock": ">=3.20.3",
    "orjson": ">=3.11.6",
}
NEEDED = ("torch", "transformers", "peft", "safetensors", "accelerate", "pyarrow", "filelock")


def pins():
    """{name: version} of constraints.txt."""
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, equals, version = line.partition("==")
            assert equals, f"constraints.txt: {line!r} is not NAME==VERSION."
            found[name.lower().replace("_", "-")] = version
    return found


@pytest.mark.parametrize("name", FLOORS)
def test_the_pins_keep_the_floors(name):
    version = pins().get(name)
    assert version is not None or name not in NEEDED, f"constraints.txt does not pin {name}."
    if version is not None:
        assert version in SpecifierSet(FLOORS[name]), f"{name}=={version}, but the floor is {FLOORS[name]}."


def test_the_pins_hold_no_hashes_and_no_local_versions():
    for name, version in pins().items():
        assert "+" not in version and "--hash" not in version, f"{name}=={version}"


def test_every_requirement_is_pinned_and_the_pin_satisfies_it():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    for text in wanted:
        requirement = Requirement(text)
        version = pins().get(requirement.name.lower().replace("_", "-"))
        assert version is not None, f"constraints.txt does not pin {requirement.name}."
        assert version in requirement.specifier, f"{requirement.name}=={version} does not satisfy {text}."


def test_the_requirements_themselves_keep_the_floors():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for text in project["dependencies"]:
        requirement = Requirement(text)
        if requirement.name in FLOORS:
            assert str(requirement.specifier) == FLOORS[requirement.name], (
                f"{text}: the floor is {FLOORS[requirement.name]}."
            )
