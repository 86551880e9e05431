"""Frozen dataclasses as JSON and back; an error names the file and key that is missing, unknown or of a wrong type."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from finetooth.errors import RunError
from finetooth.wording import short

# Metadata of a field that is a dataclass: its keys are among those of its owner. If it may be None and all its keys are
# missing, it is None.
INLINE = {"inline": True}

T = TypeVar("T")


def as_json(record: Any) -> dict[str, Any]:
    """A dataclass as a JSON object, its fields in their order; a field that is None by default is left out."""
    assert is_dataclass(record)
    entries: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if value is None and (field.default is None or field.metadata == INLINE):
            continue
        if field.metadata == INLINE:
            entries |= as_json(value)
        else:
            entries[field.name] = _plain(value)
    return entries


def from_json(kind: type[T], value: object, *, where: str) -> T:
    """The dataclass `kind` from which as_json made `value`.

    kind: its fields are str, int, float, bool, Any, a Literal, tuple[X, ...], Mapping[str, X], X | None, or such a
    dataclass. where: the file, for the message. A field with a default may be missing.
    Raises: RunError naming file and key of the first that is missing, unknown or of a wrong type.
    """
    return cast(T, _record(kind, value, _Location(where)))


class _Location:
    """A key in a file, such as base.layers; empty: the whole file."""

    def __init__(self, file: str, key: str = "") -> None:
        self.file, self.key = file, key

    def under(self, name: object) -> "_Location":
        return _Location(self.file, f"{self.key}.{name}" if self.key else str(name))

    def refuse(self, what: str) -> NoReturn:
        named = f"{self.key} " if self.key else ""
        raise RunError(f"{self.file}: {named}{what}. Take the file from a backup, or begin another run with --out DIR.")


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return as_json(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple | list) else value


def _record(kind: Any, value: object, location: _Location) -> Any:
    if not isinstance(value, dict):
        location.refuse(f"is {short(value)}, not an object")
    unknown = [key for key in value if key not in _keys(kind)]
    if unknown:
        location.under(unknown[0]).refuse("is no key of it")
    return _filled(kind, value, location)


def _filled(kind: Any, value: dict[str, Any], location: _Location) -> Any:
    """A dataclass from its keys in `value`, which may hold others."""
    types, arguments = get_type_hints(kind), {}
    for field in fields(kind):
        annotation = types[field.name]
        if field.metadata == INLINE:
            inner = _without_none(annotation)
            absent = inner is not annotation and not _keys(inner) & value.keys()
            arguments[field.name] = None if absent else _filled(inner, value, location)
        elif field.name in value:
            arguments[field.name] = _value(annotation, value[field.name], location.under(field.name))
        elif _needed(field):
            location.under(field.name).refuse("is missing")
    return kind(**arguments)


def _value(kind: Any, value: object, location: _Location) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _record(kind, value, location)
    if origin in (Union, UnionType):
        return None if value is None else _value(_without_none(kind), value, location)
    if origin is tuple and isinstance(value, list):
        return tuple(_value(inner[0], item, location.under(number)) for number, item in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        return {key: _value(inner[1], item, location.under(key)) for key, item in value.items()}
    if origin is Literal and any(type(value) is type(one) and value == one for one in inner):
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        location.refuse(f"is {short(value)}, not {_named(kind)}")
    return value


def _named(kind: Any) -> str:
    origin = get_origin(kind)
    if origin is Literal:
        return " or ".join(map(repr, get_args(kind)))
    return {tuple: "a list", Mapping: "an object"}.get(origin) or f"of type {kind.__name__}"


def _keys(kind: Any) -> set[str]:
    """The keys of a dataclass as JSON."""
    types, keys = get_type_hints(kind), set()
    for field in fields(kind):
        keys |= _keys(_without_none(types[field.name])) if field.metadata == INLINE else {field.name}
    return keys


def _without_none(kind: Any) -> Any:
    return next((one for one in get_args(kind) if one is not NoneType), kind) if NoneType in get_args(kind) else kind


def _needed(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING
