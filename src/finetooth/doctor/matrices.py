"""What the doctor says of LoRA matrices: pairs, ranks, targets, values."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from finetooth.doctor.adapter_files import WEIGHTS, Tensor, Values
from finetooth.doctor.adapter_tensors import Parts, named_by, targets
from finetooth.doctor.diagnosis import Finding, fault, note
from finetooth.wording import counted, listed, short

_PAIRS = (("A", "B"), ("embedding_A", "embedding_B"))
_AGAIN = "Save the adapter again from the model that was tuned; what is not in the file cannot be made up."


def pair_findings(parts: Parts, config: Mapping[str, Any]) -> Iterator[Finding]:
    """Matrices without their partner, of another rank than the configuration's, or that do not fit each other.

    config: empty where there is none, and then no rank is asked of it.
    """
    alone: list[str] = []
    misfit: list[str] = []
    ranks: dict[int, list[str]] = {}
    holders, target_names, allowed = _parameter_holders(config), set(targets(config)), _allowed(config)
    for module, lora in parts.loras.items():
        for first, second in _PAIRS:
            if (first in lora) != (second in lora):
                has, lacks = (first, second) if first in lora else (second, first)
                alone.append(f"{module} has lora_{has} and no lora_{lacks}")
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
        yield fault("pairs", f"{counted(len(alone), 'LoRA pair')} not whole: {listed(alone, 3)}.", _AGAIN)
    if misfit:
        yield fault("rank", f"{counted(len(misfit), 'LoRA pair')} of unequal rank: {listed(misfit, 3)}.", _AGAIN)
    for rank, modules in sorted(ranks.items()):
        yield fault(
            "rank",
            f"{counted(len(modules), 'layer')} of rank {rank}, while adapter_config.json says r "
            f"{short(config.get('r'))}: {listed(modules, 3)}.",
            "The configuration and the weights are of two adapters. Put together the two files that were saved "
            "together.",
        )


def target_findings(parts: Parts, config: Mapping[str, Any]) -> Iterator[Finding]:
    """Target modules given as a pattern, without a matrix, and matrices that no target asks for."""
    named, value = targets(config), config.get("target_modules")
    modules = list(parts.loras)
    if isinstance(value, str):
        endings = sorted({module.rpartition(".")[2] for module in modules})
        meaning = "a group that peft looks up in the base" if value == "all-linear" else "a regular expression"
        yield note(
            "targets",
            f"target_modules is the text {short(value)}, {meaning}; Finetooth takes only lists from strangers.",
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
            f"target_modules names {listed([short(target) for target in idle], 3)}, of which there are no matrices.",
            "If the base has such layers, their matrices were lost: save the adapter again. Else remove the names.",
        )
    parameters = _parameter_holders(config)
    strays = [module for module in modules if not hits[module] and not _of_parameters(module, parameters, target_names)]
    if strays:
        yield fault(
            "targets",
            f"{counted(len(strays), 'layer')} with matrices that target_modules does not name, so that peft would "
            f"leave them out: {listed(strays, 3)}.",
            "Add the names to target_modules in adapter_config.json.",
        )


def value_findings(parts: Parts, values: Values) -> Iterator[Finding]:
    """Numbers that are not finite, and matrices B that are zero, so that the adapter adds nothing."""
    if values.broken:
        yield fault(
            "values",
            f"{counted(len(values.broken), 'tensor')} with an infinity or NaN: {listed(values.broken, 3)}.",
            "Take an earlier checkpoint, or tune again with a lower learning rate.",
        )
    ups = [lora["B"][0] for lora in parts.loras.values() if "B" in lora]
    if ups and all(name in values.zero for name in ups):
        yield note(
            "values",
            f"every lora_B is zero, so that the matrices add nothing to the base ({counted(len(ups), 'layer')}).",
            "The adapter was saved before it was tuned, or without what was tuned.",
        )


def unused_tensor_findings(parts: Parts) -> Iterator[Finding]:
    """Tensors that peft has no place for."""
    if parts.unused:
        yield note(
            "weights",
            f"{counted(len(parts.unused), 'tensor')} of {WEIGHTS} belong to no LoRA layer and to no module in "
            f"modules_to_save: {listed(parts.unused, 3)}.",
            "Add their modules to modules_to_save if they were trained; else peft leaves them out.",
        )


def _ranks(lora: Mapping[str, tuple[str, Tensor]]) -> tuple[int | None, int | None]:
    """Rank that the first matrix shows, and the second; None for one that is not there or has another form."""
    if "A" in lora:
        down, up = lora["A"][1].shape, lora["B"][1].shape if "B" in lora else ()
        return down[0] if len(down) > 1 else None, up[1] if len(up) > 1 else None
    down = lora["embedding_A"][1].shape if "embedding_A" in lora else ()
    up = lora["embedding_B"][1].shape if "embedding_B" in lora else ()
    return down[0] if len(down) > 1 else None, up[1] if len(up) > 1 else None


def _allowed(config: Mapping[str, Any]) -> Callable[[str], set[int]]:
    """The ranks that the configuration can mean, of a module. Its patterns are a stranger's: none of them is tried."""
    pattern, rank = config.get("rank_pattern"), config.get("r")
    usual = {rank} if isinstance(rank, int) else set()
    others = (
        {key: other for key, other in pattern.items() if isinstance(other, int)} if isinstance(pattern, dict) else {}
    )
    every = usual | set(others.values())

    def ranks(module: str) -> set[int]:
        return {others[key] for key in named_by(module, others)} or every

    return ranks


def _parameter_holders(config: Mapping[str, Any]) -> set[str] | None:
    """Names of the modules that hold a parameter in `target_parameters`; None where they may be any."""
    listed_names = config.get("target_parameters")
    names = [name for name in listed_names if isinstance(name, str)] if isinstance(listed_names, list) else []
    return None if any("." not in name for name in names) else {name.rpartition(".")[0] for name in names}


def _of_parameters(module: str, holders: set[str] | None, target_names: set[str]) -> bool:
    """Whether the matrices may be those of a target parameter, which have r rows for each expert.

    holders: as _parameter_holders gives them. target_names: target_modules.
    """
    holder = module
    while holder.endswith(".base_layer"):  # peft nests the wrappers of several parameters of one module
        holder = holder.removesuffix(".base_layer")
    return (holders is None or bool(named_by(holder, holders))) and not named_by(module, target_names)
