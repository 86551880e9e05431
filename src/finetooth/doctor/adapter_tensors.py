"""The tensors of an adapter sorted into what they belong to: LoRA matrices, trained biases, modules saved whole."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from finetooth.doctor.adapter_files import Tensor

PREFIX = "base_model.model."  # what peft puts before every name
GUESSED = ("classifier", "score")  # modules that peft saves for a classifier without being told
_MOST_SAVED = 100  # modules that are saved whole: a head has one to three
_DEEPEST = 64  # modules within modules, counted in dots; real names have a dozen
CLASSIFIES = ("SEQ_CLS", "TOKEN_CLS")
_LORA = re.compile(r"(?P<module>.+)\.lora_(?P<part>embedding_A|embedding_B|A|B|magnitude_vector)(?P<leaf>(?:\.[^.]+)*)")
# What peft saves without being told of trained tokens, and of embeddings that were adapted or made larger.
_EMBEDDING = re.compile(
    r"(?:.+\.)?(?:token_adapter\..+|(?:embed_tokens|lm_head|word_embeddings|wte|shared|tok_embeddings|decoder)"
    r"(?:\.base_layer|\.original_module)?\.(?:weight|bias))"
)
_BIAS = re.compile(r"(?P<module>.+?)(?:\.base_layer)?\.bias")


@dataclass(frozen=True, slots=True)
class Parts:
    """Every tensor in one place, by full names of modules without PREFIX; those of embeddings that peft keeps in none.

    loras: module -> {A, B, embedding_A, embedding_B, magnitude_vector} -> (name in the file, tensor). biases: module ->
    its trained bias. saved: tensors of modules saved whole (a head), by name. unused: names with no place.
    """

    loras: dict[str, dict[str, tuple[str, Tensor]]]
    biases: dict[str, Tensor]
    saved: dict[str, Tensor]
    unused: list[str]


def sort_tensors(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Parts:
    """The tensors sorted, by their names and by what the configuration says is saved whole."""
    parts = Parts({}, {}, {}, [])
    rest: dict[str, Tensor] = {}
    for full, tensor in tensors.items():
        name = full.removeprefix(PREFIX)
        match = _LORA.fullmatch(name)
        if match is None or match["leaf"].endswith(".bias"):
            rest[full] = tensor
        else:
            parts.loras.setdefault(match["module"], {})[match["part"]] = (full, tensor)
    saved = {*saved_modules(config), *GUESSED}
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


def saved_modules(config: Mapping[str, Any]) -> list[str]:
    """Names in `modules_to_save`, the first hundred of them; none where it is no list of texts."""
    return _texts(config.get("modules_to_save"))[:_MOST_SAVED]


def targets(config: Mapping[str, Any]) -> list[str]:
    """Names in `target_modules`; none where it is no list of texts."""
    return _texts(config.get("target_modules"))


def is_within(name: str, modules: Iterable[str]) -> bool:
    """Whether the tensor or module `name` lies in one of `modules`, as peft matches them: by the end of a name."""
    endings = tuple(module for module in modules if module in name)  # few of many, so that what follows is short
    if not endings:
        return False
    pieces = name.split(".")
    paths = [".".join(pieces[: end + 1]) for end in range(min(len(pieces), _DEEPEST))]
    return any(path.endswith(endings) for path in paths)


def named_by(module: str, names: Collection[str]) -> set[str]:
    """Those of `names` that mean the module: its full name, or the end of it from a dot on.

    names: a set or mapping, each look-up of which takes the same time however many there are.
    """
    pieces = module.split(".")
    endings = [".".join(pieces[-count:]) for count in range(1, min(len(pieces), _DEEPEST) + 1)]
    return {ending for ending in (*endings, module) if ending in names}


def outputs(lora: Mapping[str, tuple[str, Tensor]]) -> int | None:
    """How many outputs the adapted layer has, as its B shows; None without one."""
    matrix = lora.get("B")
    return matrix[1].shape[0] if matrix is not None and matrix[1].shape else None


def inputs(lora: Mapping[str, tuple[str, Tensor]]) -> int | None:
    """How many inputs the adapted layer has, as its A shows; None without one."""
    matrix = lora.get("A")
    return matrix[1].shape[1] if matrix is not None and len(matrix[1].shape) > 1 else None


def _texts(value: Any) -> list[str]:
    return (
        list(dict.fromkeys(item for item in value if isinstance(item, str) and item)) if isinstance(value, list) else []
    )
