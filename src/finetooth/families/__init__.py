"""The families of models that Finetooth accepts, one file each (CONTRIBUTING.md, "Add a family")."""

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
    """The family that config.json's `model_type` belongs to; None of one that is not accepted."""
    return _BY_TYPE.get(model_type) if isinstance(model_type, str) else None


def family_of(config: Any) -> Family:
    """The family of a loaded configuration; families that are not accepted are not loaded."""
    return _BY_TYPE[config.model_type]


def model_types() -> tuple[str, ...]:
    """Every `model_type` that is accepted."""
    return tuple(_BY_TYPE)
