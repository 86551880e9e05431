"""Whether a base, by its config.json alone, is the one that an adapter was made for."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finetooth.doctor.families import Family, family_of_type, layer_number
from finetooth.doctor.finding import Finding, count, fault, note, shown
from finetooth.doctor.parts import Parts, inputs
from finetooth.doctor.reading import read_mapping
from finetooth.errors import SourceError
from finetooth.progress import Progress
from finetooth.recipe import is_path, typed
from finetooth.sources import bring_model

_WIDTHS = ("hidden_size", "dim", "d_model", "n_embd")
_LAYERS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")


def read_base(source: str, *, progress: Progress) -> dict[str, Any]:
    """The config.json of a base: of a folder as it lies there, else of a wheel: or Hub id, brought into the cache.

    Raises: SourceError if there is none, or it is no mapping.
    """
    named = typed(source)
    if is_path(named):
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise SourceError(
                f"{source}: no such folder; --base takes a folder with a config.json, a wheel: or Hub id."
            )
    else:
        folder = bring_model(named, progress=progress).path
    found = read_mapping(folder / "config.json")
    if isinstance(found, Finding):
        raise SourceError(f"{source}: no base can be told from it: {found.what}")
    return found


def about_base(parts: Parts, family: Family | None, base: Mapping[str, Any]) -> Iterator[Finding]:
    """Ways in which the base is not the one that the adapter's layers are of."""
    model_type = base.get("model_type")
    known = family_of_type(model_type) if isinstance(model_type, str) else None
    if family is not None and known is not None and model_type not in family.model_types:
        yield fault(
            "base",
            f"the adapter's layers are those of a {family.title}, and the base is a {known.title} (model_type "
            f"{shown(model_type)}): none of them would be found in it.",
            "Name the base that the adapter was tuned on.",
        )
        return
    if family is None or known is None:
        yield note(
            "base",
            f"the family of {'the adapter' if family is None else 'the base'} is not one of those known here; only "
            "sizes were compared.",
            "Load it with peft to see whether every layer is found.",
        )
    yield from _about_sizes(parts, family, base)


def _about_sizes(parts: Parts, family: Family | None, base: Mapping[str, Any]) -> Iterator[Finding]:
    width, layers = _number(base, _WIDTHS), _number(base, _LAYERS)
    found = {module: inputs(lora) for module, lora in parts.loras.items() if family is None or family.is_square(module)}
    # Of an unknown family the names do not tell which layers are as wide as the model: one that is, is enough.
    wrong = {module: size for module, size in found.items() if size is not None and size != width}
    if width is not None and wrong and (family is not None or len(wrong) == len(found)):
        module, size = next(iter(wrong.items()))
        yield fault(
            "base",
            f"the base is {width:,} wide, and lora_A of {module} has {size:,} columns "
            f"({count(len(wrong), 'such layer')}).",
            "Name the base that the adapter was tuned on; sizes of one family differ.",
        )
    deepest = max((number for number in map(layer_number, parts.loras) if number is not None), default=None)
    if layers is not None and deepest is not None and deepest >= layers:
        yield fault(
            "base",
            f"the base has {count(layers, 'layer')}, and the adapter changes layer {deepest} (counted from 0).",
            "Name the base that the adapter was tuned on.",
        )


def _number(base: Mapping[str, Any], keys: tuple[str, ...]) -> int | None:
    return next((base[key] for key in keys if type(base.get(key)) is int), None)
