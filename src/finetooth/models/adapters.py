"""LoRA adapters: what they match, how they are attached, counted, saved and loaded. The only importer of peft.

Source: Hu et al. 2021 (arXiv 2106.09685), W' = W + (alpha / r) B A with B = 0 at the start, so that a fresh adapter
is the base exactly; rsLoRA, Kalajdzievski 2023 (arXiv 2312.03732), scales by alpha / sqrt(r).
"""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import save_file
from torch import nn

from finetooth.errors import ModelError, did_you_mean
from finetooth.families import family_of
from finetooth.files import json_bytes
from finetooth.models import saved_tensors, seeds
from finetooth.models.artifact_files import ADAPTER_CONFIG as CONFIG
from finetooth.models.artifact_files import ADAPTER_WEIGHTS as WEIGHTS
from finetooth.models.artifact_files import read_saved
from finetooth.models.checked import refused
from finetooth.models.loading import Base
from finetooth.recipe import Candidate
from finetooth.runs.results import Parameters
from finetooth.sources import hub_name
from finetooth.untrusted import adapter_settings

GROUPS = ("all-linear", "attention", "mlp")


def match(base: Base, *, targets: str | Sequence[str], layers: str = "all") -> tuple[str, ...]:
    """Full names of the linear layers that `targets` and `layers` mean in this model, in the model's order.

    The groups are those of the model's family, in the encoder's list of equal layers: attention, and mlp for the
    others. Head modules are never adapted: all of their values are trained.
    Raises: ModelError if a target matches nothing, with the names that there are.
    """
    stack, layer_names = encoder_layers(base.model)
    names = [
        name
        for name, module in base.model.named_modules()
        if isinstance(module, nn.Linear) and name.startswith(f"{base.model.base_model_prefix}.")
        if ".embeddings" not in name and not _within(name, base.head_modules)  # embeddings get no gradient
    ]
    chosen = set(
        _of_group(targets, [name for name in names if name.startswith(f"{stack}.")], base)
        if isinstance(targets, str)
        else _of_targets(targets, names)
    )
    if layers != "all":
        count = int(layers.removeprefix("last-"))
        if count > len(layer_names):
            raise ModelError(
                f"layers: {layers} asks for more than the model's {len(layer_names)} encoder layers. Set at most "
                f"last-{len(layer_names)}."
            )
        chosen = {name for name in chosen if _within(name, layer_names[-count:])}
    if not chosen:
        raise ModelError(
            f"targets {targets!r} in layers {layers!r} match no linear layer of the model. Set layers: all, or choose "
            "other targets."
        )
    return tuple(name for name in names if name in chosen)


def layer_of(name: str) -> int | None:
    """Number, from 0, of the encoder layer that a module belongs to, by its full name; None outside the layers."""
    match = re.search(r"\.layers?\.(\d+)\.", name)
    return int(match[1]) if match else None


def attach(base: Base, candidate: Candidate, *, seed: int) -> Any:
    """The base with a fresh adapter and a trainable head: a peft model in train mode, which contains `base.model`.

    Raises: ModelError when the candidate's targets match nothing.
    """
    names = match(base, targets=candidate.targets, layers=candidate.layers)
    alpha = candidate.effective_alpha
    config = peft_library().LoraConfig(
        task_type="SEQ_CLS",
        r=candidate.rank,
        lora_alpha=int(alpha) if alpha == int(alpha) else alpha,
        lora_dropout=candidate.dropout,
        target_modules=list(names),
        modules_to_save=list(base.head_modules),
        bias=candidate.bias,
        use_rslora=candidate.rslora,
    )
    torch.manual_seed(seeds.derive(seed, "adapter"))
    model = _wrap(base, config)
    assert adapted(model) == names, f"peft adapted {adapted(model)}, not {names}"
    return model.train()


def has_adapter(model: Any) -> bool:
    """Whether the model is a peft model."""
    return hasattr(model, "peft_config")


def without_adapter(model: Any) -> Any:
    """The classifier inside a peft model; of another model the model itself."""
    return model.get_base_model() if has_adapter(model) else model


def adapted(model: Any) -> tuple[str, ...]:
    """Full names of the linear layers a peft model adapts, in the model's order."""
    return tuple(name for name, module in model.get_base_model().named_modules() if hasattr(module, "lora_A"))


def parameters(model: Any) -> Parameters:
    """How many values of a peft model are trained, in adapter, head and biases, and how many it has in all."""
    counts = {"adapter": 0, "head": 0, "bias": 0}
    total = 0
    for name, parameter in model.named_parameters():
        if ".original_module." in name:
            continue  # the head's first state, which peft keeps frozen beside the trained copy
        total += parameter.numel()
        if parameter.requires_grad:
            counts[kind(name)] += parameter.numel()
    trained, with_copies = model.get_nb_trainable_parameters()
    return Parameters(**counts, total=total, peft_percent=100 * trained / with_copies)


def kind(name: str) -> Literal["adapter", "head", "bias"]:
    """What a trainable parameter of a peft model belongs to, by its name."""
    if ".modules_to_save." in name:
        return "head"
    return "adapter" if ".lora_" in name else "bias"


def state(model: Any) -> dict[str, torch.Tensor]:
    """Every trained tensor of a peft model, once, under peft's own names, sorted: what is saved."""
    tensors = peft_library().get_peft_model_state_dict(model, save_embedding_layers=False)
    # With bias "all", peft 0.21 lists a head's bias twice more, under the names of its wrapper.
    return {
        name: tensors[name].detach().contiguous()
        for name in sorted(tensors)
        if ".original_module." not in name and ".modules_to_save." not in name
    }


def save(model: Any, folder: Path, *, base_id: str) -> None:
    """Write the standard two files of a PEFT adapter into `folder`; equal adapters give equal bytes.

    base_id: id of the base's source; if it is on the Hub, its name and commit are written where peft looks for them.
    """
    save_file(state(model), folder / WEIGHTS, metadata={"format": "pt"})
    values = model.peft_config["default"].to_dict()
    name = hub_name(base_id)
    values |= {"base_model_name_or_path": name or base_id, "inference_mode": True}
    if name is not None:
        values["revision"] = base_id.partition("@")[2] or None
    listed = {key: sorted(set(value)) if isinstance(value, set | list) else value for key, value in values.items()}
    (folder / CONFIG).write_bytes(json_bytes({key: listed[key] for key in sorted(listed)}))


def load(base: Base, folder: Path) -> Any:
    """The base with the adapter saved in `folder`, in eval mode, which contains `base.model`.

    Raises: ModelError naming a setting that is not allowed, or the first tensor that is missing, unexpected, of another
    shape, not finite or not applied.
    """
    saved = saved_tensors.read(folder / WEIGHTS, owner="the adapter")
    settings = adapter_settings(read_saved(folder, CONFIG))
    _check_ranks(settings, saved)
    with refused(f"the adapter: {CONFIG} does not fit the base model"):
        model = _wrap(base, peft_library().LoraConfig(task_type="SEQ_CLS", **settings))
    saved_tensors.check(saved, state(model), owner="the adapter")
    peft_library().set_peft_model_state_dict(model, dict(saved))
    applied = state(model)
    for name, tensor in saved.items():
        if not torch.equal(applied[name], tensor):
            raise ModelError(f"the adapter: tensor {name!r} was read but not applied to the model.")
    model.requires_grad_(False)
    return model.eval()


def peft_library() -> Any:
    """peft, which takes a second to import; imported when the first model is adapted."""
    import peft

    return peft


def _wrap(base: Base, config: Any) -> Any:
    with warnings.catch_warnings():
        # peft 0.21 reads a property that transformers 5 renamed; harmless, goes with the next peft.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
        # Comes with a stranger's pattern for a layer that is not adapted; peft ignores the pattern.
        warnings.filterwarnings("ignore", message="The following (rank|alpha)_pattern keys", category=RuntimeWarning)
        model = peft_library().get_peft_model(base.model, config)
    for name, parameter in model.named_parameters():
        if ".original_module." in name:
            parameter.requires_grad_(False)  # bias "all" would count and decay the bias of the unused copy
    return model


def encoder_layers(model: Any) -> tuple[str, tuple[str, ...]]:
    """Name of the encoder's list of equal layers (the one with most parameters), and the names of the layers."""
    stacks = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len({type(layer) for layer in module}) == 1
    }
    if not stacks:
        raise ModelError("the base model: it has no list of encoder layers to adapt. Name another model.")
    stack = max(stacks, key=lambda name: sum(value.numel() for value in stacks[name].parameters()))
    return stack, tuple(f"{stack}.{index}" for index in range(len(stacks[stack])))


def _within(name: str, modules: Sequence[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _of_group(group: str, names: Sequence[str], base: Base) -> list[str]:
    if group not in GROUPS:
        raise ModelError(
            f"targets {group!r} is not a group ({', '.join(GROUPS)}); names of layers are given as a list: [{group}]."
            f"{did_you_mean(group, GROUPS)}"
        )
    attention = family_of(base.model.config).attention
    return [
        name for name in names if group == "all-linear" or (group == "attention") == bool(re.fullmatch(attention, name))
    ]


def _of_targets(targets: Sequence[str], names: Sequence[str]) -> list[str]:
    chosen: list[str] = []
    endings = sorted({name.rpartition(".")[2] for name in names})
    for target in targets:
        matches = [name for name in names if name == target or name.endswith(f".{target}")]
        if not matches:
            raise ModelError(
                f"target {target!r} is no linear layer of the encoder.{did_you_mean(target, endings)} "
                f"There are: {', '.join(endings)}; or a group: {', '.join(GROUPS)}."
            )
        chosen += matches
    return chosen


def _check_ranks(settings: dict[str, Any], saved: dict[str, torch.Tensor]) -> None:
    """Check the configured ranks against the matrices of the file, before matrices of those ranks are allocated."""
    ranks = {tensor.shape[0] for name, tensor in saved.items() if name.endswith(".lora_A.weight") and tensor.ndim == 2}
    pattern: dict[str, int] = settings.get("rank_pattern", {})
    configured = {"r": settings.get("r", 8), **{f"rank_pattern.{name}": rank for name, rank in pattern.items()}}
    for key, rank in configured.items():
        if rank > max(ranks, default=0):
            raise ModelError(
                f"the adapter: {key} in {CONFIG} is {rank:,}, and the largest rank of a matrix in {WEIGHTS} is "
                f"{max(ranks, default=0):,}; it was made for another base or rank."
            )
