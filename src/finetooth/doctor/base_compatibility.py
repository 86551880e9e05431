"""Check by its config.json whether a base model is the one that an adapter was trained on."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetooth.doctor.adapter_files import IDENTITY, read_mapping
from finetooth.doctor.adapter_tensors import Parts, size
from finetooth.doctor.diagnosis import Finding, fault, note
from finetooth.errors import SourceError
from finetooth.families import LayerNames, layer_number, named_by_type
from finetooth.progress import Progress
from finetooth.recipe import command_line_source, is_path
from finetooth.sources import fetch_model
from finetooth.sources.regular_files import hash_regular
from finetooth.wording import counted, short

_WIDTHS = ("hidden_size", "dim", "d_model", "n_embd")
_LAYERS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,200}(?:/[A-Za-z0-9][\w.-]{0,200})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Base:
    """A base to compare with. source: its name or path. config: of its config.json. config_sha256: of that file."""

    source: str
    config: dict[str, Any]
    config_sha256: str


def read_base(source: str, *, progress: Progress) -> Base:
    """Read the config.json of a base in a folder, or of one that is fetched: a wheel: source or a Hub id.

    Raises: SourceError if it is missing or not a mapping.
    """
    named = command_line_source(source)
    if is_path(named):
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise SourceError(
                f"{source}: no such folder. --base takes a folder with a config.json, a wheel: source or a Hub id."
            )
    else:
        folder = fetch_model(named, progress=progress).path
    config = read_mapping(folder / "config.json")
    if isinstance(config, Finding):
        raise SourceError(f"{source}: is not usable as a base: {config.what}")
    return Base(named, config, hash_regular(folder / "config.json"))


def base_findings(
    parts: Parts, family: LayerNames | None, base: Base, *, named: Any, identity: Mapping[str, Any]
) -> Iterator[Finding]:
    """Differences between the base and the one that the adapter was trained on, and what could not be compared.

    named: the base's name in adapter_config.json. identity: finetooth.json; empty for an adapter of another origin.
    """
    recorded = identity.get("base")
    recorded_hash = recorded.get("config_sha256") if isinstance(recorded, Mapping) else None
    if isinstance(recorded_hash, str) and recorded_hash != base.config_sha256:
        yield fault(
            "base",
            f"the adapter was trained on another base: {IDENTITY} records the SHA-256 {short(recorded_hash[:16])} of "
            f"its config.json, and this base's is {base.config_sha256[:16]!r}.",
            "Name the base that the adapter was trained on; Finetooth refuses to load the adapter on another.",
        )
    elif recorded_hash is None and _other_name(named, base.source):
        yield note(
            "base",
            f"the adapter names the base {short(named)}, and it was compared with {short(base.source)}; a config.json "
            "cannot distinguish models of the same family and size.",
            "If the two names are not of the same model, name the base that the adapter was trained on.",
        )
    if parts.loras:
        yield from _layer_findings(parts, family, base.config)
    else:
        yield note(
            "base",
            "the base's layers were not compared with the adapter's, because no LoRA matrices were read.",
            "If the adapter should have some, fix the findings about its weights and examine it again.",
        )


def _other_name(named: Any, source: str) -> bool:
    """Whether two names are Hub ids of different models; an id without an owner matches any owner."""
    if not isinstance(named, str):
        return False
    one, other = (text.partition("@")[0] for text in (named, source))
    if not (_HUB_ID.fullmatch(one) and _HUB_ID.fullmatch(other)) or one == other:
        return False
    return ("/" in one and "/" in other) or one.rpartition("/")[2] != other.rpartition("/")[2]


def _layer_findings(parts: Parts, family: LayerNames | None, base: Mapping[str, Any]) -> Iterator[Finding]:
    model_type = base.get("model_type")
    known = named_by_type(model_type)
    if family is not None and known is not None and model_type not in family.model_types:
        yield fault(
            "base",
            f"the adapter's layers are those of a {family.title}, but the base is a {known.title} (model_type "
            f"{short(model_type)}), which has none of them.",
            "Name the base that the adapter was trained on.",
        )
        return
    if family is None or known is None:
        yield note(
            "base",
            f"the model family of {'the adapter' if family is None else 'the base'} is not known; only sizes were "
            "compared.",
            "Load the adapter with peft to see whether the base has every layer.",
        )
    yield from _size_findings(parts, family, base)


def _size_findings(parts: Parts, family: LayerNames | None, base: Mapping[str, Any]) -> Iterator[Finding]:
    width, layers = _number(base, _WIDTHS), _number(base, _LAYERS)
    input_sizes = {
        module: size(lora, "A", 1)
        for module, lora in parts.loras.items()
        if family is None or family.reads_full_width(module)
    }
    # In an unknown family the names do not say which layers are as wide as the model: one such layer is enough.
    wrong = {module: inputs for module, inputs in input_sizes.items() if inputs is not None and inputs != width}
    if width is not None and wrong and (family is not None or len(wrong) == len(input_sizes)):
        module, inputs = next(iter(wrong.items()))
        yield fault(
            "base",
            f"the base is {width:,} wide, but lora_A of {module} has {inputs:,} columns "
            f"({counted(len(wrong), 'such layer')}).",
            "Name the base that the adapter was trained on; models of one family have different sizes.",
        )
    deepest = max((number for number in map(layer_number, parts.loras) if number is not None), default=None)
    if layers is not None and deepest is not None and deepest >= layers:
        yield fault(
            "base",
            f"the base has {counted(layers, 'layer')}, but the adapter changes layer {deepest} (counted from 0).",
            "Name the base that the adapter was trained on.",
        )


def _number(base: Mapping[str, Any], keys: tuple[str, ...]) -> int | None:
    return next((base[key] for key in keys if type(base.get(key)) is int), None)
