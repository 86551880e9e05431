"""Whatever executor carries the rows out, in any order and however often, the run is equal byte for byte."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from runs_here import Here, finish, measured, recipe_in

from finetooth.errors import RunError
from finetooth.files import sha256_file
from finetooth.workers.executor import ROW_BY_ROW, Key, Phase, RowWork

CANDIDATES = [{"name": "r4", "rank": 4}, {"name": "last-1", "rank": 4, "layers": "last-1"}]


class Unreliable:
    """Shuffles the rows, carries some out twice, and loses every third the first time that it is asked for it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.lost = set[tuple[Phase, Key]]()

    def each(self, rows: RowWork, phase: Phase, keys: Sequence[Key]) -> None:
        """As Executor.each."""
        for position, key in enumerate(self.random.sample(keys, len(keys))):
            if position % 3 == 2 and (phase, key) not in self.lost:
                self.lost.add((phase, key))
                continue
            for _ in range(2 if position % 3 == 0 else 1):
                rows.carry_out(phase, key)


class Watched:
    """Carries the rows out here, and notes which files each row's work made, changed or took away."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.touched = dict[Key, set[str]]()

    def each(self, rows: RowWork, phase: Phase, keys: Sequence[Key]) -> None:
        """As Executor.each."""
        for key in keys:
            before = dict(self._files())
            ROW_BY_ROW.each(rows, phase, [key])
            after = dict(self._files())
            changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
            self.touched.setdefault(key, set()).update(changed)

    def _files(self) -> Iterator[tuple[str, str]]:
        for item in self.out.rglob("*"):
            if item.is_file() and not item.name.startswith(".lock"):
                yield item.relative_to(self.out).as_posix(), sha256_file(item)


@pytest.fixture
def values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A recipe of every kind of row but full fine-tuning, whose work is done in this process."""
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))
    Here(monkeypatch)
    return recipe_in(
        tmp_path, baselines=["majority", "tfidf", "original", "probe"], candidates=CANDIDATES, seeds=[1, 2]
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_an_executor_that_shuffles_repeats_and_loses_rows_gives_the_same_run(
    values: dict[str, Any], tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(values, tmp_path / "whole")
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "other-state"))  # the first look at the test rows here too
    executor = Unreliable(seed)
    refusals = list[str]()
    while not (tmp_path / "out" / "COMPLETE").is_file():
        try:
            finish(values, tmp_path / "out", executor)
        except RunError as error:
            refusals.append(str(error))
    assert measured(tmp_path / "out") == measured(tmp_path / "whole")
    assert len(refusals) == 2 and all("the work on " in message and " was lost. " in message for message in refusals)
    assert {phase for phase, _ in executor.lost} == {"fit", "test"}


def test_a_row_that_was_lost_is_named_and_nothing_is_measured_without_it(
    values: dict[str, Any], tmp_path: Path
) -> None:
    class Losing:
        def each(self, rows: RowWork, phase: Phase, keys: Sequence[Key]) -> None:
            ROW_BY_ROW.each(rows, phase, [key for key in keys if key != ("r4", 2)])

    with pytest.raises(RunError) as caught:
        finish(values, tmp_path / "out", Losing())
    assert str(caught.value) == (
        f"{tmp_path / 'out'}: the work on r4 (seed 2) was lost. What is done is saved; run the same command again to "
        "do the rest."
    )
    assert not (tmp_path / "state" / "ledger").exists() and not (tmp_path / "out" / "results.json").exists()


def test_the_work_on_a_row_writes_its_own_folder_and_scratch_alone(values: dict[str, Any], tmp_path: Path) -> None:
    watched = Watched(tmp_path / "out")
    finish(values, tmp_path / "out", watched)
    assert len(watched.touched) == 4 + 4
    for (name, seed), touched in watched.touched.items():
        own = f"rows/{name}/" if seed is None else f"rows/{name}/seed-{seed}/"
        assert any(file.startswith(own) for file in touched)
        assert [file for file in touched if not file.startswith((own, ".work/"))] == [], name
