"""Sort the tensors of an adapter by what they belong to: LoRA matrices, trained biases, fully saved modules."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from finetooth.sources.safetensors_header import Tensor

PREFIX = "base_model.model."  # what peft puts before every name
GUESSED = ("classifier", "score")  # modules that peft saves for a classifier without being asked
MOST_SAVED = 100  # fully saved modules; a head has one to three
_DEEPEST = 64  # levels of nested modules, counted in dots; real names have about a dozen
CLASSIFIES = ("SEQ_CLS", "TOKEN_CLS")
_LORA = re.compile(r"(?P<module>.+)\.lora_(?P<part>embedding_A|embedding_B|A|B|magnitude_vector)(?P<leaf>(?:\.[^.]+)*)")
# What peft saves without being asked: trained tokens, and embeddings that were adapted or enlarged.
_EMBEDDING = re.compile(
    r"(?:.+\.)?(?:token_adapter\..+|(?:embed_tokens|lm_head|word_embeddings|wte|shared|tok_embeddings|decoder)"
    r"(?:\.base_layer|\.original_module)?\.(?:weight|bias))"
)
_BIAS = re.compile(r"(?P<module>.+?)(?:\.base_layer)?\.bias")


@dataclass(frozen=True, slots=True)
class Parts:
    """Each tensor in one field, except embeddings that peft saves, which are in none. Names are without PREFIX.

    loras: module -> {A, B, embedding_A, embedding_B, magnitude_vector} -> (name in the file, tensor). biases: module ->
    its trained bias. saved: tensors of fully saved modules (a head), by name. unused: names of all other tensors.
    """

    loras: dict[str, dict[str, tuple[str, Tensor]]]
    biases: dict[str, Tensor]
    saved: dict[str, Tensor]
    unused: list[str]


def sort_tensors(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Parts:
    """The tensors sorted by their names and by modules_to_save in the configuration."""
    parts = Parts({}, {}, {}, [])
    rest: dict[str, Tensor] = {}
    for full, tensor in tensors.items():
        name = full.removeprefix(PREFIX)
        match = _LORA.fullmatch(name)
        if match is None or match["leaf"].endswith(".bias"):
            rest[full] = tensor
        else:
            parts.loras.setdefault(match["module"], {})[match["part"]] = (full, tensor)
    saved = {*texts_of(config, "modules_to_save")[:MOST_SAVED], *GUESSED}
    for full, tensor in rest.items():
        name = full.removeprefix(PREFIX)
        match = _BIAS.fullmatch(name)
        if match is not None and match["module"] in parts.loras:
            parts.biases[match["module"]] = tensor
        elif is_within(name, saved):
            parts.saved[name] = tensor
        elif match is not None and ".lora_" not in name:
            parts.biases[match["module"]] = tensor
        elif _EMBEDDING.fullmatch(name) or name.removesuffix(".base_layer.weight") in parts.loras:
            continue
        elif match is None or not config.get("lora_bias"):
            parts.unused.append(full)
    return parts


def texts_of(config: Mapping[str, Any], key: str) -> list[str]:
    """The texts in the list at `key`, each once; empty if there is no list."""
    value = config.get(key)
    texts = (item for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()
    return list(dict.fromkeys(texts))


def is_within(name: str, modules: Iterable[str]) -> bool:
    """Whether the tensor or module `name` is in one of `modules`; as in peft, the ends of names are compared."""
    endings = tuple(module for module in modules if module in name)  # a quick first selection
    if not endings:
        return False
    pieces = name.split(".")
    paths = [".".join(pieces[: end + 1]) for end in range(min(len(pieces), _DEEPEST))]
    return any(path.endswith(endings) for path in paths)


def named_by(module: str, names: Collection[str]) -> set[str]:
    """The members of `names` that match the module: its full name, or its end from a dot on.

    names: a set or mapping, so that a look-up takes the same time however many there are.
    """
    pieces = module.split(".")
    endings = [".".join(pieces[-count:]) for count in range(1, min(len(pieces), _DEEPEST) + 1)]
    return {ending for ending in (*endings, module) if ending in names}


def size(lora: Mapping[str, tuple[str, Tensor]], part: str, axis: int) -> int | None:
    """A size of one matrix: the inputs of the adapted layer are A's axis 1, its outputs B's axis 0; None without it."""
    shape = lora[part][1].shape if part in lora else ()
    return shape[axis] if len(shape) > axis else None
