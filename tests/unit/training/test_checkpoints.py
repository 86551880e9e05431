"""Two states are kept; one that does not verify is passed over; a best state stays while a kept one refers to it."""

from pathlib import Path

import pytest
import torch
from training_jobs import begin, job, same_bits, trained

from finetooth.errors import Interrupted
from finetooth.training.checkpoints import KEPT
from finetooth.training.job import TrainingJob


def stopped_at(folder: Path, made: TrainingJob, step: int) -> None:
    """Run the job until it has done `step` steps, and stop it with a checkpoint."""
    trainer = begin(folder, made)
    object.__setattr__(trainer.job, "stop", lambda: 15 if trainer.counters.step >= step else None)
    with pytest.raises(Interrupted):
        trainer.run()
    object.__setattr__(made, "stop", lambda: None)


def names(made: TrainingJob) -> list[str]:
    return sorted(item.name for item in made.folder.checkpoints.iterdir())


def test_two_are_kept_and_the_best_that_they_refer_to(model_folder: Path, tmp_path: Path) -> None:
    made = job(model_folder, tmp_path, training={"checkpoint_every": 3, "evaluate_every": 4})
    stopped_at(model_folder, made, 10)
    states = [name for name in names(made) if name.startswith("step-")]
    assert states == ["step-00000009-0", "step-00000010-0"]
    assert len(states) == KEPT
    assert set(names(made)) - set(states) <= {"best-00000004", "best-00000008"}
    assert len(names(made)) > KEPT


@pytest.mark.parametrize("harm", ["flip", "cut", "no manifest", "best"])
def test_a_damaged_newest_state_is_passed_over_and_the_end_is_the_same(
    model_folder: Path, tmp_path: Path, harm: str
) -> None:
    expected, _ = trained(model_folder, job(model_folder, tmp_path / "straight"))
    made = job(model_folder, tmp_path / "harmed")
    stopped_at(model_folder, made, 13)
    newest = made.folder.checkpoints / "step-00000013-0"
    best = max(item for item in made.folder.checkpoints.iterdir() if item.name.startswith("best-"))
    victim = (best / "weights.safetensors") if harm == "best" else newest / "state.safetensors"
    if harm == "no manifest":
        (newest / "MANIFEST.json").unlink()
    else:
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 1
        victim.write_bytes(data[: len(data) // 3] if harm == "cut" else data)
    again = begin(model_folder, made)
    # A state whose best is gone cannot end well: both refer to it, so nothing is left to go on from.
    assert again.counters.step == (0 if harm == "best" else 10)
    assert not newest.exists()
    again.run()
    assert same_bits({name: value.detach() for name, value in again.named.items()}, expected)


def test_all_states_damaged_means_a_fresh_start(model_folder: Path, tmp_path: Path) -> None:
    made = job(model_folder, tmp_path)
    stopped_at(model_folder, made, 13)
    for path in made.folder.checkpoints.glob("step-*"):
        (path / "counters.json").write_bytes(b"{}")
    assert begin(model_folder, made).counters.step == 0
    assert not list(made.folder.checkpoints.glob("step-*"))


def test_moments_come_back_bitwise(model_folder: Path, tmp_path: Path) -> None:
    made = job(model_folder, tmp_path)
    trainer = begin(model_folder, made)
    object.__setattr__(trainer.job, "stop", lambda: 15 if trainer.counters.step >= 6 else None)
    with pytest.raises(Interrupted):
        trainer.run()
    again = begin(model_folder, made)
    for name, parameter in trainer.named.items():
        old, new = trainer.optimizer.state[parameter], again.optimizer.state[again.named[name]]
        assert torch.equal(parameter, again.named[name])
        assert old.keys() == new.keys()
        assert all(torch.equal(old[key], new[key]) and old[key].dtype == new[key].dtype for key in old)
