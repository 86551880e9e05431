"""Findings about LoRA matrices: pairs, ranks, targets, values."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from finetooth.doctor.adapter_files import WEIGHTS, Values
from finetooth.doctor.adapter_tensors import Parts, named_by, texts_of
from finetooth.doctor.diagnosis import Finding, fault, note
from finetooth.sources.safetensors_header import Tensor
from finetooth.wording import counted, listed, short

_PAIRS = (("A", "B"), ("embedding_A", "embedding_B"))
_AGAIN = "Save the adapter again from the trained model; what is not in the file cannot be recovered from it."


def pair_findings(parts: Parts, config: Mapping[str, Any]) -> Iterator[Finding]:
    """Matrices without their partner, of a rank that the configuration does not allow, or of two different ranks.

    config: empty if the folder has none; then ranks are not compared with it.
    """
    alone: list[str] = []
    misfit: list[str] = []
    ranks: dict[int, list[str]] = {}
    holders, allowed = _parameter_holders(config), _allowed(config)
    target_names = set(texts_of(config, "target_modules"))
    for module, lora in parts.loras.items():
        for first, second in _PAIRS:
            if (first in lora) != (second in lora):
                has, lacks = (first, second) if first in lora else (second, first)
                alone.append(f"{module} has lora_{has} but no lora_{lacks}")
        if config.get("use_dora") and "magnitude_vector" not in lora and "A" in lora:
            alone.append(f"{module} has no lora_magnitude_vector (use_dora)")
        down, up = _ranks(lora)
        if down is None or up is None:
            continue
        if down != up:
            misfit.append(f"{module}: lora_A has rank {down}, lora_B {up}")
        elif config and not _of_parameters(module, holders, target_names) and down not in allowed(module):
            ranks.setdefault(down, []).append(module)
    if alone:
        yield fault("pairs", f"{counted(len(alone), 'incomplete LoRA pair')}: {listed(alone, 3)}.", _AGAIN)
    if misfit:
        yield fault("rank", f"{counted(len(misfit), 'LoRA pair')} with two ranks: {listed(misfit, 3)}.", _AGAIN)
    for rank, modules in sorted(ranks.items()):
        yield fault(
            "rank",
            f"{counted(len(modules), 'layer')} of rank {rank}, but adapter_config.json says r "
            f"{short(config.get('r'))}: {listed(modules, 3)}.",
            "The configuration and the weights belong to different adapters. Use the two files that were saved "
            "together.",
        )


def target_findings(parts: Parts, config: Mapping[str, Any]) -> Iterator[Finding]:
    """Target modules written as a pattern or without matrices, and matrices that no target names."""
    named, value = texts_of(config, "target_modules"), config.get("target_modules")
    modules = list(parts.loras)
    if isinstance(value, str):
        endings = sorted({module.rpartition(".")[2] for module in modules})
        meaning = "a group that peft looks up in the base" if value == "all-linear" else "a regular expression"
        yield note(
            "targets",
            f"target_modules is the text {short(value)}, {meaning}; Finetooth reads only lists from untrusted files.",
            f"Write the list: {listed([f'{ending!r}' for ending in endings], 8)}." if endings else "Write the list.",
        )
    if not named:
        return
    target_names = set(named)
    hits = {module: named_by(module, target_names) for module in modules}
    used = set().union(*hits.values())
    idle = [target for target in named if target not in used]
    if idle and modules:
        yield note(
            "targets",
            f"target_modules names {listed([short(target) for target in idle], 3)}, but the file has no such matrices.",
            "If the base has such layers, their matrices were lost: save the adapter again. If not, remove the names.",
        )
    parameters = _parameter_holders(config)
    strays = [module for module in modules if not hits[module] and not _of_parameters(module, parameters, target_names)]
    if strays:
        yield fault(
            "targets",
            f"{counted(len(strays), 'layer')} with matrices that target_modules does not name, so peft would not load "
            f"them: {listed(strays, 3)}.",
            "Add the names to target_modules in adapter_config.json.",
        )


def value_findings(parts: Parts, values: Values) -> Iterator[Finding]:
    """Values that are not finite, and matrices B that are all zero."""
    if values.broken:
        yield fault(
            "values",
            f"{counted(len(values.broken), 'tensor')} with an infinity or NaN: {listed(values.broken, 3)}.",
            "Use an earlier checkpoint, or train again with a lower learning rate.",
        )
    ups = [lora["B"][0] for lora in parts.loras.values() if "B" in lora]
    if ups and all(name in values.zero for name in ups):
        yield note(
            "values",
            f"every lora_B is zero, so the matrices add nothing to the base ({counted(len(ups), 'layer')}).",
            "The adapter was saved before training, or without the trained values. Save it again after training.",
        )


def unused_tensor_findings(parts: Parts) -> Iterator[Finding]:
    """Tensors that peft does not load."""
    if parts.unused:
        yield note(
            "weights",
            f"{counted(len(parts.unused), 'tensor')} of {WEIGHTS} belong to no LoRA layer and to no module in "
            f"modules_to_save: {listed(parts.unused, 3)}.",
            "If they were trained, add their modules to modules_to_save; otherwise peft does not load them.",
        )


def _ranks(lora: Mapping[str, tuple[str, Tensor]]) -> tuple[int | None, int | None]:
    """The ranks of the first and second matrix, from their shapes; None for one that is missing or not a matrix."""
    down, up = (lora[part][1].shape if part in lora else () for part in _PAIRS["A" not in lora])
    return down[0] if len(down) > 1 else None, up[1] if len(up) > 1 else None


def _allowed(config: Mapping[str, Any]) -> Callable[[str], set[int]]:
    """The ranks that the configuration may give a module. Its patterns are untrusted, so none of them is run."""
    pattern, rank = config.get("rank_pattern"), config.get("r")
    patterns = pattern if isinstance(pattern, dict) else {}
    others = {key: other for key, other in patterns.items() if isinstance(other, int)}
    every = {*others.values(), *([rank] if isinstance(rank, int) else [])}

    def ranks(module: str) -> set[int]:
        return {others[key] for key in named_by(module, others)} or every

    return ranks


def _parameter_holders(config: Mapping[str, Any]) -> set[str] | None:
    """Names of the modules that hold a parameter in `target_parameters`; None if it may be any module."""
    names = texts_of(config, "target_parameters")
    return None if any("." not in name for name in names) else {name.rpartition(".")[0] for name in names}


def _of_parameters(module: str, holders: set[str] | None, target_names: set[str]) -> bool:
    """Whether the matrices may belong to a target parameter, whose matrices have r rows for each expert.

    holders: of _parameter_holders. target_names: the names in target_modules.
    """
    holder = module
    while holder.endswith(".base_layer"):  # peft nests the wrappers of several parameters of one module
        holder = holder.removesuffix(".base_layer")
    return (holders is None or bool(named_by(holder, holders))) and not named_by(module, target_names)
