"""The state before the next step, on disk, from which a killed run resumes.

checkpoints/step-00000120-1/  state.safetensors (trained tensors and AdamW's moments), counters.json, MANIFEST.json
checkpoints/best-00000100/    weights.safetensors, validation.safetensors (the logits that were scored), MANIFEST.json
checkpoints/plain-00000100/   validation.safetensors by the plain pass, for the step that was best at the end

The digit after the step says whether the state includes that step's evaluation. No pickle, no generator state: order
and dropout follow from the step.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save_file
from torch import nn

from finetooth.errors import RunError
from finetooth.files import damage, discard, new_directory, read_file, read_json, write_json

KEPT = 2


@dataclass(slots=True, kw_only=True)
class Counters:
    """The progress of a training.

    loss_sum, score_sum, loss_count: losses, scores by the headline metric, and rows since the last evaluation. seconds:
    of training steps; part_seconds: of forward, backward, optimizer, evaluate and save. token_budget: of training; less
    than planned after memory ran out. best_step, best_value: of the best evaluation so far; waited: evaluations since
    that one. learned: whether an evaluation gave more than one class. decay_began: step after which the rate of an
    automatic training falls; its last step is then the best one, whatever the earlier values, unless the training
    broke. frozen_after: step after which lower layers were frozen; all_layers_seconds: of the training steps up to it.
    """

    step: int = 0
    evaluated: bool = False
    loss_sum: float = 0.0
    loss_count: int = 0
    score_sum: float = 0.0
    examples: int = 0
    tokens: int = 0
    seconds: float = 0.0
    part_seconds: dict[str, float] = field(default_factory=dict)
    token_budget: int = 0
    best_step: int | None = None
    best_value: float | None = None
    waited: int = 0
    learned: bool = False
    decay_began: int | None = None
    frozen_after: int | None = None
    all_layers_seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def is_best(self, value: float, *, collapsed: bool) -> bool:
        """Whether the step that was just scored with `value` is the best one so far.

        Before a decay, the highest value decides. After it, best_value is None, and the step is the best one unless the
        training broke: now nearly all answers are one class, and an earlier step gave several. collapsed: whether they
        are.
        """
        broke = self.decay_began is not None and collapsed and self.learned
        return not (broke and self.best_step is not None) and (self.best_value is None or value > self.best_value)


def save(folder: Path, counters: Counters, *, named: Mapping[str, nn.Parameter], optimizer: torch.optim.AdamW) -> None:
    """Write the state to `folder` under its step's name, unless it is there; keep the two newest."""
    path = folder / f"step-{counters.step:08d}-{int(counters.evaluated)}"
    if not path.exists():
        tensors = {f"parameter/{name}": parameter.detach() for name, parameter in named.items()}
        for name, parameter in named.items():
            for moment in ("exp_avg", "exp_avg_sq"):
                if parameter in optimizer.state:
                    tensors[f"{moment}/{name}"] = optimizer.state[parameter][moment]
        with new_directory(path) as inside:
            save_file(tensors, inside / "state.safetensors")
            write_json(inside / "counters.json", asdict(counters))
    remaining = {item: _best_of(item) for item in sorted(folder.glob("step-*"))[-KEPT:]}
    for item in [*folder.glob("step-*"), *folder.glob("best-*")]:
        if remaining.get(item) is None and item.name not in remaining.values():
            discard(item)


def _best_of(state: Path) -> str | None:
    """The name of the best state that a state refers to; None if its counters cannot be read."""
    try:
        return f"best-{read_json(state / 'counters.json')['best_step'] or 0:08d}"
    except (OSError, RunError, KeyError, TypeError, ValueError):
        return None


def load(folder: Path, named: Mapping[str, nn.Parameter], optimizer: torch.optim.AdamW) -> Counters:
    """Restore parameters and optimizer from the newest state that verifies; fresh counters if there is none.

    States that do not verify are discarded.
    """
    for path in sorted(folder.glob("step-*"), reverse=True):
        if damage(path) is None:
            counters = Counters(**read_json(path / "counters.json"))
            if counters.best_step is None or damage(folder / f"best-{counters.best_step:08d}") is None:
                _restore(load_tensors(read_file(path / "state.safetensors")), counters, named, optimizer)
                return counters
        discard(path)
    return Counters()


def newest(folder: Path) -> tuple[int, int | None]:
    """The step of the newest intact state and its token budget; 0 and None without a state."""
    for path in sorted(folder.glob("step-*"), reverse=True):
        if damage(path) is None:
            counters = read_json(path / "counters.json")
            return int(counters["step"]), int(counters["token_budget"])
    return 0, None


def save_best(folder: Path, step: int, *, named: Mapping[str, nn.Parameter], logits: npt.NDArray[np.float32]) -> None:
    """Write the trained tensors at `step` and the validation logits (N, C) that were scored."""
    weights = {name: parameter.detach() for name, parameter in named.items()}
    _write(folder / f"best-{step:08d}", logits, {"weights.safetensors": weights})


def save_plain(folder: Path, step: int, logits: npt.NDArray[np.float32]) -> None:
    """Write the validation logits (N, C) that the plain pass gives at the best step."""
    _write(folder / f"plain-{step:08d}", logits, {})


def _write(path: Path, logits: npt.NDArray[np.float32], files: Mapping[str, dict[str, torch.Tensor]]) -> None:
    discard(path)
    with new_directory(path) as inside:
        for name, tensors in {**files, "validation.safetensors": {"logits": torch.from_numpy(logits)}}.items():
            save_file(tensors, inside / name)


def load_best(folder: Path, step: int, named: Mapping[str, nn.Parameter]) -> None:
    """Put the trained tensors of `step` back into the model."""
    tensors = load_tensors(read_file(folder / f"best-{step:08d}" / "weights.safetensors"))
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(tensors[name])


def best_damage(folder: Path, step: int) -> str | None:
    """The damage of the best state of `step`, or of its plain logits if there are some, in words; None: none."""
    best, plain = folder / f"best-{step:08d}", folder / f"plain-{step:08d}"
    for path in (best, plain) if plain.exists() else (best,):
        if (fault := damage(path)) is not None:
            return f"{path.name}: {fault}"
    return None


def best_logits(folder: Path, step: int) -> npt.NDArray[np.float32]:
    """The validation logits (N, C) of `step` by the plain pass."""
    plain = folder / f"plain-{step:08d}"
    path = plain if plain.exists() else folder / f"best-{step:08d}"
    logits: npt.NDArray[np.float32] = load_tensors(read_file(path / "validation.safetensors"))["logits"].numpy()
    return logits


def _restore(
    tensors: Mapping[str, torch.Tensor],
    counters: Counters,
    named: Mapping[str, nn.Parameter],
    optimizer: torch.optim.AdamW,
) -> None:
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(tensors[f"parameter/{name}"])
            if f"exp_avg/{name}" in tensors:
                device = parameter.device
                optimizer.state[parameter] = {
                    "step": torch.tensor(float(counters.step), dtype=torch.float32, device=device),
                    "exp_avg": tensors[f"exp_avg/{name}"].to(device, copy=True),
                    "exp_avg_sq": tensors[f"exp_avg_sq/{name}"].to(device, copy=True),
                }
