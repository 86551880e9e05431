"""Lower layers frozen after an epoch: what they learned stays, the others go on, and a resumed training is the same."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_jobs import Killed, begin, job, same_bits, story, trained

from finetooth.errors import Interrupted
from finetooth.models.adapters import layer_of
from finetooth.models.frozen_layer_cache import FrozenLayerCache
from finetooth.models.packed import PackedModel
from finetooth.training.checkpoints import Counters
from finetooth.training.freezing import Freezing
from finetooth.training.job import TrainingJob
from finetooth.training.schedule import LEAST_STEPS

WAYS: dict[str, dict[str, Any]] = {"float32": {}, "bfloat16": {"precision": "bfloat16"}}


def freezing(folder: Path, directory: Path, *, blocks: int = 1000, **changes: Any) -> TrainingJob:
    """A packed job whose lower of two layers is frozen after an epoch; blocks: of states kept at most."""
    made = job(folder, directory, packed=True, **({"training": {"epochs": 3}} | changes))

    def cache(digest: str) -> FrozenLayerCache:
        return FrozenLayerCache(
            directory / "then", made.train.tokens, depth=1, width=32, budget=128, blocks=blocks, key={"adapter": digest}
        )

    return replace(made, freezing=Freezing(1, cache))


def lower(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value for name, value in tensors.items() if layer_of(f"{name}.") == 0}


@pytest.fixture(scope="module", params=WAYS)
def changes(request: pytest.FixtureRequest) -> dict[str, Any]:
    return WAYS[request.param]


@pytest.fixture(scope="module")
def straight(
    model_folder: Path, tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any]
) -> tuple[Any, Counters]:
    return trained(model_folder, freezing(model_folder, tmp_path_factory.mktemp("straight"), **changes))


def last_state(made: TrainingJob) -> dict[str, torch.Tensor]:
    """What was trained, after the last step rather than the best."""
    from safetensors.torch import load_file

    newest = sorted(made.folder.checkpoints.glob("step-*"))[-1]
    tensors = load_file(newest / "state.safetensors")
    return {name.removeprefix("parameter/"): value for name, value in tensors.items() if name.startswith("parameter/")}


def test_the_first_epoch_is_that_of_a_training_of_all_layers_and_the_lower_layers_stay_as_they_are_then(
    model_folder: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    steps = freezing(model_folder, tmp_path).schedule.steps_per_epoch
    every = {"training": {"epochs": 3, "checkpoint_every": steps, "schedule": "constant"}}
    made = freezing(model_folder, tmp_path / "then", **every, **changes)
    trained(model_folder, made)
    after = last_state(made)
    plain = job(model_folder, tmp_path / "all", packed=True, **every, **changes)
    stopped = begin(model_folder, replace(plain, stop=_at(steps, reached := [])))
    reached.append(stopped)
    with pytest.raises(Interrupted):
        stopped.run()
    first = last_state(plain)
    assert stopped.counters.step == steps
    assert same_bits(lower(first), lower(after)) and len(lower(first)) > 4
    others = {name for name in after if name not in lower(after)}
    assert all(not torch.equal(first[name], after[name]) for name in others)
    moved = begin(model_folder, job(model_folder, tmp_path / "fresh", packed=True)).named
    assert any(not torch.equal(value, moved[name]) for name, value in lower(first).items())


def _at(step: int, trainer: list[Any]) -> Callable[[], int | None]:
    return lambda: 15 if trainer and trainer[0].counters.step >= step else None


def test_the_states_that_are_read_are_those_of_the_learned_layers(model_folder: Path, tmp_path: Path) -> None:
    made = freezing(model_folder, tmp_path)
    trainer = begin(model_folder, made)
    trainer.run()
    forward = trainer.forward
    assert isinstance(forward, PackedModel) and forward.states is not None
    rows = np.argsort(made.train.tokens.lengths, kind="stable")[:20]
    assert forward.states.holds(rows).all()
    torch.testing.assert_close(forward.states.read(rows), forward.below(rows, 1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("blocks", [0, 3])
def test_states_that_have_no_room_are_computed_each_time(model_folder: Path, tmp_path: Path, blocks: int) -> None:
    from_blocks, computed = (
        trained(model_folder, freezing(model_folder, tmp_path / str(count), blocks=count))[0]
        for count in (1000, blocks)
    )
    for name, value in from_blocks.items():
        torch.testing.assert_close(computed[name], value, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("polls", [5, 9, 16])
def test_stopped_anywhere_and_its_states_damaged_it_ends_in_the_same_bits(
    model_folder: Path, tmp_path: Path, straight: tuple[Any, Counters], changes: dict[str, Any], polls: int
) -> None:
    made, reached = freezing(model_folder, tmp_path, **changes), list[int]()
    states = tmp_path / "then" / "states.f32"
    while True:
        left = iter(range(polls))
        stop = lambda left=left: None if next(left, None) is not None else 15  # noqa: E731
        trainer = begin(model_folder, replace(made, stop=stop))
        try:
            counters = trainer.run()
            break
        except Interrupted:
            reached.append(trainer.counters.step)
        if states.is_file() and states.stat().st_size > 4 * len(reached):
            content = bytearray(states.read_bytes())
            content[4 * len(reached)] ^= 0x40
            states.write_bytes(content)
    assert same_bits({name: value.detach() for name, value in trainer.named.items()}, straight[0])
    assert story(counters) == story(straight[1])
    steps = made.schedule.steps_per_epoch
    assert len(reached) >= 3 and any(step >= steps for step in reached)


def test_killed_while_its_states_are_computed_it_ends_in_the_same_bits(
    model_folder: Path, tmp_path: Path, straight: tuple[Any, Counters], changes: dict[str, Any]
) -> None:
    made, kills = freezing(model_folder, tmp_path, **changes), 0
    write = FrozenLayerCache.write

    def deadly(limit: int) -> Iterator[Any]:
        left = iter(range(limit))

        def write_or_die(self: FrozenLayerCache, number: int, states: torch.Tensor) -> None:
            if next(left, None) is None:
                raise Killed
            write(self, number, states)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(FrozenLayerCache, "write", write_or_die)
            yield

    for limit in (0, 1, 3):
        around = deadly(limit)
        next(around)
        try:
            trained(model_folder, made)
        except Killed:
            kills += 1
        around.close()
    actual, counters = trained(model_folder, made)
    assert kills == 3
    assert same_bits(actual, straight[0])
    assert story(counters) == story(straight[1])


def test_states_of_other_values_below_are_not_taken(model_folder: Path, tmp_path: Path) -> None:
    one = freezing(model_folder, tmp_path / "a")
    trained(model_folder, one)
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "then").rename(tmp_path / "b" / "then")
    other = freezing(model_folder, tmp_path / "b", seed=4)
    expected, _ = trained(model_folder, freezing(model_folder, tmp_path / "c", seed=4))
    assert same_bits(trained(model_folder, other)[0], expected)


def test_an_automatic_training_freezes_after_whole_epochs_of_steps_enough_to_have_learned(
    model_folder: Path, tmp_path: Path
) -> None:
    schedule = freezing(model_folder, tmp_path, training={"epochs": "auto"}).schedule
    assert schedule.freezes_after >= LEAST_STEPS > schedule.freezes_after - schedule.steps_per_epoch
    assert schedule.freezes_after % schedule.steps_per_epoch == 0
    assert freezing(model_folder, tmp_path).schedule.freezes_after == schedule.steps_per_epoch
