"""The supported model families, one file each (CONTRIBUTING.md, "Add a family of models")."""

import importlib
import pkgutil
from typing import Any

from finetooth.families.family import Family, Packed, Parts

__all__ = ["FAMILIES", "Family", "Packed", "Parts", "family_of", "family_of_type", "model_types"]


def _all() -> tuple[Family, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(module.FAMILY for module in modules if hasattr(module, "FAMILY"))


FAMILIES = _all()
_BY_TYPE = {model_type: family for family in FAMILIES for model_type in family.model_types}


def family_of_type(model_type: object) -> Family | None:
    """The family of a `model_type` of config.json; None if it is not supported."""
    return _BY_TYPE.get(model_type) if isinstance(model_type, str) else None


def family_of(config: Any) -> Family:
    """The family of a loaded configuration; only supported families are loaded."""
    return _BY_TYPE[config.model_type]


def model_types() -> tuple[str, ...]:
    """Every supported `model_type`."""
    return tuple(_BY_TYPE)
