"""Findings about what is trained besides LoRA matrices: biases of the base, and the head."""

from collections.abc import Iterator, Mapping
from typing import Any

from finetooth.doctor.adapter_tensors import CLASSIFIES, GUESSED, MOST_SAVED, Parts, is_within, size, texts_of
from finetooth.doctor.diagnosis import Finding, fault, note
from finetooth.families import LayerNames, layer_number
from finetooth.sources.safetensors_header import Tensor
from finetooth.wording import counted, listed, short

_FIRST_TO_SAVE = (0, 21)  # the first peft that saves biases trained with lora_only (peft#3306, fixed by #3490)
# Parts of module names that modules_to_save may list but that do not classify.
_NO_HEAD = ("pooler", "embed_tokens", "wte", "wpe", "shared", "lm_head")


def bias_findings(parts: Parts, config: Mapping[str, Any], family: LayerNames | None) -> Iterator[Finding]:
    """Biases that were trained but are not in the file."""
    bias = config.get("bias", "none")
    if bias not in ("lora_only", "all") or not parts.loras:
        return
    if family is not None and family.biased is False:
        return
    outputs = {module: size(lora, "B", 0) for module, lora in parts.loras.items() if module not in parts.biases}
    lost = {module: count for module, count in outputs.items() if count is not None}
    sure = {module: count for module, count in lost.items() if family is not None and family.has_bias(module)}
    unsure = {module: count for module, count in lost.items() if module not in sure}
    why = f"bias is {bias!r}, so {'all biases' if bias == 'all' else 'the biases of the adapted layers'} were trained"
    if sure:
        yield fault(
            "biases",
            f"{_amount(sure, bias)} missing: {why}, but {listed(list(sure), 2)} have none.{_cause(bias, config)} "
            "The adapter loads as another model than the one that was trained.",
            "If the trained model still exists, save it again with peft 0.21 or later. If not, train again.",
        )
    if unsure:
        yield note(
            "biases",
            f"{why}, but {_amount(unsure, bias)} of the adapted layers are not in the file; some models have no such "
            "biases.",
            "If these layers of the base have biases, the trained values were not saved: train again and save with "
            "peft 0.21 or later.",
        )


def head_findings(parts: Parts, config: Mapping[str, Any], family: LayerNames | None) -> Iterator[Finding]:
    """A classifier's head that is missing from the file, or incomplete."""
    task = config.get("task_type")
    named = texts_of(config, "modules_to_save")[:MOST_SAVED]
    heads = {name: tensor for name, tensor in parts.saved.items() if is_within(name, GUESSED)}
    # A BART's or T5's head is called classification_head, and a user's own may be called anything.
    others = [name for name in parts.saved if name not in heads and not _is_no_head(name)]
    if not heads and not others and (task in CLASSIFIES or (named and not parts.saved)):
        reason = f"modules_to_save is {short(named)}" if named else f"task_type is {short(task)}"
        yield fault(
            "head",
            f"the file has no tensor of a head, but {reason}: the reloaded model would classify at random.",
            "Save the trained model again with its head in modules_to_save; this file does not contain the head.",
        )
        return
    if not parts.saved and task is None and family is not None and family.encoder:
        yield note(
            "head",
            f"task_type is null and no head was saved with the layers of a {family.title}: a classifier would have an "
            "untrained head.",
            "If a head was trained, save again with it in modules_to_save. For hidden states alone nothing is missing.",
        )
    absent = [name for name in named if not any(is_within(saved, [name]) for saved in parts.saved)]
    if heads or (task in CLASSIFIES and set(GUESSED) <= set(named)):  # peft names both, and a model has only one
        absent = [name for name in absent if name not in GUESSED]
    if absent:
        yield fault(
            "head",
            f"modules_to_save names {listed([short(name) for name in absent], 3)}, but the file has no such tensor.",
            "Save the trained model again; if no such module was trained, remove the name from modules_to_save.",
        )
    elif others and not heads and task in CLASSIFIES and family is not None and family.head:
        yield _perhaps_no_head(others, family)
    if task == "SEQ_CLS" and family is not None and heads:  # a head for TOKEN_CLS has one layer only
        yield from _part_of_head(parts.saved, family)


def _is_no_head(name: str) -> bool:
    """Whether a saved tensor belongs to an encoder layer, a pooler, embeddings or a norm."""
    pieces = name.split(".")
    return layer_number(name) is not None or any(
        piece in _NO_HEAD or "norm" in piece.lower() or piece.endswith(("embedding", "embeddings")) for piece in pieces
    )


def _perhaps_no_head(others: list[str], family: LayerNames) -> Finding:
    return note(
        "head",
        f"the head of a {family.title} is {listed(list(family.head), 3)}, which the file does not have; it has "
        f"{listed(others, 3)}. If that is not the head, the reloaded model would classify at random.",
        "If it is not the head, save the trained model again with its head in modules_to_save.",
    )


def output_rows(parts: Parts) -> int | None:
    """The number of classes of the saved head, from the shape of its last layer; None without such a layer."""
    endings = ("classifier.weight", "score.weight", "classifier.out_proj.weight")
    for name, tensor in parts.saved.items():
        last = name.endswith(endings) and not name.endswith("pre_classifier.weight")
        if last and len(tensor.shape) == 2:
            return tensor.shape[0]
    return None


def _part_of_head(saved: Mapping[str, Tensor], family: LayerNames) -> Iterator[Finding]:
    lost = [name for module in family.head for name in _lost(saved, module)]
    partly_lost = [_lost(saved, module) for module in family.tuned_head]
    lost += [name for names in partly_lost if len(names) == 1 for name in names]
    if lost:
        yield fault(
            "head",
            f"the head is incomplete: the file has no {listed(lost, 4)}, which a {family.title} base does not have.",
            "Save the trained model again with its complete head in modules_to_save.",
        )
    for module in family.tuned_head:
        lost = _lost(saved, module)
        if len(lost) == 2:
            yield note(
                "head",
                f"the file has no {listed(lost, 3)}, part of a {family.title}'s head. If the base was not fine-tuned "
                "to classify, it does not have it either, and the reloaded model would classify at random.",
                f"If the base is not itself a classifier, save the trained model again with {short(module)} in "
                "modules_to_save.",
            )


def _lost(saved: Mapping[str, Tensor], module: str) -> list[str]:
    """Names of the module's weight and bias if they are not saved."""
    names = [f"{module}.weight", f"{module}.bias"]
    return [name for name in names if not any(one == name or one.endswith(f".{name}") for one in saved)]


def _amount(lost: Mapping[str, int], bias: str) -> str:
    """The number of missing biases; with bias `all`, those of other layers are missing too."""
    least = "at least " if bias == "all" else ""
    return f"{least}{counted(len(lost), 'bias tensor')} ({sum(lost.values()):,} values)"


def _cause(bias: str, config: Mapping[str, Any]) -> str:
    """Why they are missing, if that is known; with bias `all`, every version of peft saves them."""
    version = version_of(config)
    if bias != "lora_only" or (version is not None and version >= _FIRST_TO_SAVE):
        return ""
    return " peft before 0.21 does not save them (peft#3306)."


def version_of(config: Mapping[str, Any]) -> tuple[int, int] | None:
    """Major and minor version of the peft that wrote the configuration, or None."""
    value = config.get("peft_version")
    pieces = value.split(".") if isinstance(value, str) and len(value) < 100 else []
    if len(pieces) < 2 or not all(piece.isascii() and piece.isdigit() for piece in pieces[:2]):
        return None
    return int(pieces[0]), int(pieces[1])
