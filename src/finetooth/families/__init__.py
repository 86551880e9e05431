"""The supported model families, one file each (CONTRIBUTING.md, "Add a family of models"), and names of others."""

import importlib
import pkgutil
import re
from collections.abc import Iterable
from typing import Any

from finetooth.families.family import Family, LayerNames, Packed, Parts, layer_number
from finetooth.families.unsupported import UNSUPPORTED

__all__ = [
    "FAMILIES", "Family", "LayerNames", "Packed", "Parts", "family_of", "family_of_type", "layer_number",
    "model_types", "named_by_modules", "named_by_type",
]  # fmt: skip


def _all() -> tuple[Family, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(module.FAMILY for module in modules if hasattr(module, "FAMILY"))


FAMILIES = _all()
_NAMES = (*(family.layer_names for family in FAMILIES), *UNSUPPORTED)
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


def named_by_modules(modules: Iterable[str]) -> LayerNames | None:
    """The first family, supported or not, whose layers have these names; None if there is none.

    Modules outside the numbered layers (a pooler, embeddings, a head) may be adapted too.
    """
    modules = list(modules)
    for names in _NAMES:
        others = [module for module in modules if not re.fullmatch(names.linear, module)]
        if len(others) < len(modules) and all(layer_number(module) is None for module in others):
            return names
    return None


def named_by_type(model_type: object) -> LayerNames | None:
    """The first family, supported or not, that has this `model_type` of config.json."""
    return next((names for names in _NAMES if model_type in names.model_types), None)
