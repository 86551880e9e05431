"""Resumed equals uninterrupted, bit for bit: dropout and accumulation on, stopped or killed anywhere."""

import contextlib
import itertools
import json
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from training_jobs import TRAINING, Killed, begin, job, same_bits, story, trained

from finetooth.errors import Interrupted
from finetooth.models import adapters
from finetooth.models.frozen_layer_cache import FrozenLayerCache
from finetooth.models.loading import load_base
from finetooth.training import checkpoints
from finetooth.training.checkpoints import Counters
from finetooth.training.job import TrainingJob
from finetooth.training.loop import Trainer


def after(polls: int, action: Callable[[], int | None]) -> Callable[[], int | None]:
    """A stop() that says nothing `polls` times and then acts."""
    left = iter(range(polls))
    return lambda: None if next(left, None) is not None else action()


def persist(
    folder: Path, made: TrainingJob, stops: Iterator[Callable[[], int | None]]
) -> tuple[Any, Counters, list[int]]:
    """Run again and again until done; the steps at which it was stopped."""
    reached: list[int] = []
    for stop in stops:
        trainer = begin(folder, replace(made, stop=stop))
        try:
            counters = trainer.run()
        except (Interrupted, Killed):
            reached.append(trainer.counters.step)
            continue
        return {name: value.detach().clone() for name, value in trainer.named.items()}, counters, reached
    raise AssertionError("never done")


WAYS: dict[str, dict[str, Any]] = {
    "padded": {"packed": False, "inference": "float32"},
    "packed": {"packed": True},
    "bfloat16": {"packed": True, "precision": "bfloat16", "inference": "bfloat16"},
}


@pytest.fixture(scope="module", params=WAYS)
def changes(request: pytest.FixtureRequest) -> dict[str, Any]:
    return WAYS[request.param]


@pytest.fixture(scope="module")
def straight(
    model_folder: Path, tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any]
) -> tuple[Any, Counters]:
    return trained(model_folder, job(model_folder, tmp_path_factory.mktemp("straight"), **changes))


@pytest.mark.parametrize("polls", [7, 11, 18])
def test_stopped_every_few_micro_batches_and_in_evaluations(
    model_folder: Path, tmp_path: Path, straight: tuple[Any, Counters], changes: dict[str, Any], polls: int
) -> None:
    def stops() -> Iterator[Callable[[], int | None]]:
        while True:
            yield after(polls, lambda: 15)

    tensors, counters, reached = persist(model_folder, job(model_folder, tmp_path, **changes), stops())
    assert same_bits(tensors, straight[0])
    assert story(counters) == story(straight[1])
    print(f"{len(reached)} stops, at steps {reached}")
    assert len(reached) >= 3


def test_killed_at_random_micro_batches(
    model_folder: Path, tmp_path: Path, straight: tuple[Any, Counters], changes: dict[str, Any]
) -> None:
    draw = random.Random(0)
    every = TRAINING["checkpoint_every"]
    kills, lost = 0, []

    def die() -> int:
        raise Killed

    def stops() -> Iterator[Callable[[], int | None]]:
        while True:
            yield after(draw.randint(0, 40), die)

    while kills < 12:
        made = job(model_folder, tmp_path / str(kills), **changes)
        tensors, counters, reached = persist(model_folder, made, stops())
        assert same_bits(tensors, straight[0])
        assert story(counters) == story(straight[1])
        kills += len(reached)
        lost += [before - again for before, again in zip(reached, resumed_at(made), strict=True)]
    print(f"{kills} kills, steps done again {lost}, 0 of {len(straight[0])} tensors differ")
    assert all(0 <= steps <= every for steps in lost)


def resumed_at(made: TrainingJob) -> list[int]:
    """The steps that the log says it began at or resumed from, without the first start."""
    lines = [json.loads(line) for line in made.folder.log.read_text().splitlines()]
    return [line["step"] for line in lines if line["event"] in ("start", "resume")][1:]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", ["fsync", "rename", "replace"])
def test_killed_at_every_nth_file_call_of_a_save(
    model_folder: Path,
    tmp_path: Path,
    call: str,
    when: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = {"rows": 40, "training": {"epochs": 4, "checkpoint_every": 2, "evaluate_every": 3}}
    expected, expected_counters = trained(model_folder, job(model_folder, tmp_path / "straight", **small))
    made = job(model_folder, tmp_path / "killed", **small)
    owner: Any = os if call == "fsync" else Path
    real = getattr(owner, call)
    left = [0]

    def deadly(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 and when == "before":
            raise Killed
        result = real(*arguments)
        if left[0] == 0:
            raise Killed
        return result

    monkeypatch.setattr(owner, call, deadly)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # the dead do not clean up behind themselves
    kills = 0
    for number in itertools.islice(itertools.cycle((1, 3, 6, 2, 9, 4, 12, 26)), 60):
        left[0] = number
        try:
            actual, counters = trained(model_folder, made)
        except Killed:
            kills += 1
            continue
        break
    assert same_bits(actual, expected)
    assert story(counters) == story(expected_counters)
    print(f"{kills} kills {when} {call}: 0 of {len(actual)} tensors differ")
    assert kills >= 4


def test_same_seed_same_bits_and_another_seed_others(
    model_folder: Path, tmp_path: Path, straight: tuple[Any, Counters], changes: dict[str, Any]
) -> None:
    again, counters = trained(model_folder, job(model_folder, tmp_path / "again", **changes))
    assert same_bits(again, straight[0])
    assert story(counters) == story(straight[1])
    other, _ = trained(model_folder, job(model_folder, tmp_path / "other", seed=4, **changes))
    assert not any((other[name] == value).all() for name, value in straight[0].items())


def test_a_finished_training_run_again_does_no_step_past_its_last_interval(model_folder: Path, tmp_path: Path) -> None:
    made = job(model_folder, tmp_path)
    first, _ = trained(model_folder, made)
    again, _ = trained(model_folder, made)
    assert same_bits(first, again)
    assert resumed_at(made) == [15]
    assert made.schedule.most == 20


def test_both_ways_of_computing_learn_the_same(model_folder: Path, tmp_path: Path) -> None:
    still: dict[str, Any] = {"training": {"base_dropout": 0.0, "epochs": 1}, "candidate": {"dropout": 0.0}}
    padded, packed = (
        trained(model_folder, job(model_folder, tmp_path / str(packed), packed=packed, **still))[0]
        for packed in (False, True)
    )
    # A bias of the keys adds the same to all scores of a query: its gradient is rounding alone, which AdamW scales to
    # steps of up to the learning rate, in either direction.
    rates = job(model_folder, tmp_path, **still).schedule
    farthest = 2 * TRAINING["learning_rate"] * sum(rates.rate_factor(step, None) for step in range(rates.most))
    for name, value in padded.items():
        if name.endswith(".key.base_layer.bias"):
            assert (packed[name] - value).abs().max() <= farthest, name
        else:
            torch.testing.assert_close(packed[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_in_bfloat16_it_learns_about_the_same(model_folder: Path, tmp_path: Path) -> None:
    exact, rounded = (
        trained(model_folder, job(model_folder, tmp_path / name, **WAYS[name]))[1] for name in ("packed", "bfloat16")
    )
    for one, other in zip(exact.curve, rounded.curve, strict=True):
        assert one["validation_loss"] == pytest.approx(other["validation_loss"], abs=0.03)
        assert one["validation_loss"] != other["validation_loss"] or one["step"] == 0


def test_memory_that_runs_out_halves_the_micro_batches_and_costs_no_step(
    model_folder: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    trainer = begin(model_folder, job(model_folder, tmp_path, **changes, token_budget=96))
    plain, short = trainer.forward.__class__.__call__, []

    def forward(self: Any, rows: Any) -> Any:
        if trainer.counters.step == 4 and self.budget > 30:
            short.append(self.budget)
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return plain(self, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.forward.__class__, "__call__", forward)
        counters = trainer.run()
    assert sorted(set(short)) == [48, 96]
    assert (counters.step, counters.token_budget) == (20, 24)
    assert counters.warnings[:2] == [
        "memory ran out at step 5; from there at most 48 tokens at a time",
        "memory ran out at step 5; from there at most 24 tokens at a time",
    ]


def failing_above(trainer: Any, most: int, *, at: int) -> Any:
    """The forward pass, with memory running out from step `at` on in more than `most` tokens."""
    plain = trainer.forward.__class__.__call__

    def forward(self: Any, rows: Any) -> Any:
        if trainer.counters.step >= at and self.budget > most:
            raise MemoryError
        return plain(self, rows)

    return forward


def test_memory_that_runs_out_in_the_first_pass_of_a_process_costs_no_run(
    model_folder: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    trainer = begin(model_folder, job(model_folder, tmp_path, **changes, token_budget=96))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.forward.__class__, "__call__", failing_above(trainer, 48, at=0))
        counters = trainer.run()
    assert (counters.step, counters.token_budget) == (20, 48)
    assert counters.warnings[0] == "memory ran out at step 1; from there at most 48 tokens at a time"


@pytest.mark.parametrize("stop_at", [8, 13])
def test_resumed_after_memory_ran_out_equals_uninterrupted(
    model_folder: Path, tmp_path: Path, changes: dict[str, Any], stop_at: int
) -> None:
    def run(directory: Path, stops: list[int]) -> tuple[dict[str, torch.Tensor], Counters]:
        for stop in [*stops, 99]:
            reached: list[Trainer] = []
            made = job(model_folder, directory, **changes, token_budget=96)
            trainer = begin(model_folder, replace(made, stop=_at(stop, reached)))
            reached.append(trainer)
            with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Interrupted):
                patch.setattr(trainer.forward.__class__, "__call__", failing_above(trainer, 48, at=7))
                counters = trainer.run()
        return {name: value.detach().clone() for name, value in trainer.named.items()}, counters

    uninterrupted, counted = run(tmp_path / "whole", [])
    broken, again = run(tmp_path / "broken", [stop_at])
    assert len(resumed_at(job(model_folder, tmp_path / "broken", **changes))) == 1
    assert same_bits(uninterrupted, broken)
    assert (counted.token_budget, counted.warnings) == (again.token_budget, again.warnings)
    assert again.token_budget == 48


def test_after_the_system_killed_it_for_its_memory_it_goes_on_with_fewer_tokens_from_its_checkpoint(
    model_folder: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    made = job(model_folder, tmp_path, **changes, token_budget=96)
    with pytest.raises(Killed):
        begin(model_folder, replace(made, stop=_dies_at(7))).run()
    counters = begin(model_folder, replace(made, reduced_budget=48)).run()
    assert resumed_at(made) == [5]
    assert (counters.step, counters.token_budget) == (20, 48)
    assert counters.warnings[0] == "memory ran out after step 5; from there at most 48 tokens at a time"
    saved_last = 15 if made.inference == "plain" else 20  # before plain logits are computed at the end
    assert checkpoints.newest(made.folder.checkpoints) == (saved_last, 48)
    again = begin(model_folder, made)  # what a checkpoint says is never raised again, and told once
    assert again.counters.token_budget == 48 and again.run().warnings == counters.warnings


def _dies_at(batch: int) -> Callable[[], int | None]:
    def die() -> int:
        raise Killed

    return after(3 * batch, die)


KEPT_BLOCKS = 3  # of hidden states: those of the longest texts, so that batches mix what is read with what is computed


def with_states(folder: Path, made: TrainingJob) -> TrainingJob:
    """The job with its training rows' hidden states partly kept, filled as a fresh process does."""
    tokens = made.train.tokens
    cache = FrozenLayerCache(
        made.folder.path / "frozen_layers", tokens, depth=1, width=32, budget=256, blocks=KEPT_BLOCKS, key={"base": "a"}
    )
    assert made.candidate is not None
    base = load_base(folder, classes=made.classes, head_seed=made.seed)
    cache.fill(adapters.attach(base, made.candidate, seed=made.seed), pad_id=0, advance=lambda done, total: None)
    held_rows = cache.holds(np.arange(len(tokens.lengths)))
    assert held_rows.any() and not held_rows.all()
    return replace(made, train=replace(made.train, states=cache))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_on_partly_kept_hidden_states_stopped_and_each_time_damaged_it_ends_in_the_same_bits(
    model_folder: Path, tmp_path: Path, precision: str
) -> None:
    last: dict[str, Any] = {"packed": True, "precision": precision, "candidate": {"layers": "last-1"}}
    expected, expected_counters = trained(
        model_folder, with_states(model_folder, job(model_folder, tmp_path / "whole", **last))
    )
    made, reached = job(model_folder, tmp_path / "stopped", **last), list[int]()
    states = made.folder.path / "frozen_layers" / "states.f32"
    while True:
        trainer = begin(model_folder, replace(with_states(model_folder, made), stop=after(11, lambda: 15)))
        try:
            counters = trainer.run()
            break
        except Interrupted:
            reached.append(trainer.counters.step)
        content = bytearray(states.read_bytes())
        content[4 * len(reached)] ^= 0x40
        states.write_bytes(content)
    assert len(reached) >= 3
    assert same_bits({name: value.detach() for name, value in trainer.named.items()}, expected)
    assert story(counters) == story(expected_counters)


def _at(step: int, trainer: list[Trainer]) -> Callable[[], int | None]:
    """A stop() that says SIGTERM once that step is reached."""
    return lambda: signal.SIGTERM if trainer[0].counters.step >= step else None


def test_memory_that_holds_not_even_one_row_ends_it(model_folder: Path, tmp_path: Path) -> None:
    def forward(self: Any, rows: Any) -> Any:
        raise MemoryError

    trainer = begin(model_folder, job(model_folder, tmp_path, packed=True))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(trainer.forward.__class__, "__call__", forward)
        trainer.run()


def test_any_other_fault_is_not_taken_for_a_lack_of_memory(model_folder: Path, tmp_path: Path) -> None:
    def forward(self: Any, rows: Any) -> Any:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    trainer = begin(model_folder, job(model_folder, tmp_path, packed=True))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(RuntimeError, match="shapes"):
        patch.setattr(trainer.forward.__class__, "__call__", forward)
        trainer.run()


def test_full_fine_tuning_stopped_every_few_micro_batches_is_the_unbroken_one(
    model_folder: Path, tmp_path: Path
) -> None:
    small = {"rows": 40, "full": True, "training": {"full_learning_rate": 1e-3}}
    expected, expected_counters = trained(model_folder, job(model_folder, tmp_path / "straight", **small))

    def stops() -> Iterator[Callable[[], int | None]]:
        while True:
            yield after(13, lambda: 15)

    tensors, counters, reached = persist(model_folder, job(model_folder, tmp_path / "stopped", **small), stops())
    assert same_bits(tensors, expected)
    assert story(counters) == story(expected_counters)
    assert len(reached) >= 2
    clean = begin(model_folder, job(model_folder, tmp_path / "clean", **small)).named
    assert all(not torch.equal(value, clean[name]) for name, value in expected.items() if "embeddings" not in name)
