"""kill -9 at any moment and the same command again end in the bytes of the run that was never killed."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Finished
from trials import Aim, Chain, Trial, check, kill_until_done

EVERY = 5


def trials(steady: Finished, place: Path, aims: list[Aim], *, seed: int) -> list[Chain]:
    """As many kills as there are aims, in as many run folders as that takes; every ended run is checked."""
    draw, left, chains = random.Random(seed), iter(aims), []
    seconds = steady.trial.contract()["rows"][0]["train_seconds"]
    killed = 0
    for number in itertools.count():
        trial = Trial(steady.trial.recipe, place / f"trial-{number}")
        chain = kill_until_done(trial, _rest(left), draw=draw, tune_seconds=seconds)
        check(chain, steady.trial, every=EVERY)
        chains.append(chain)
        killed += len(chain.kills)
        if killed >= len(aims) or number > len(aims):
            break
        left = iter(aims[killed:])
    return chains


def _rest(left: Iterator[Aim]) -> Iterator[Aim]:
    yield from left


def told(chains: list[Chain]) -> int:
    kills = [kill for chain in chains for kill in chain.kills]
    for kill in kills:
        print(
            f"aim {kill.aim:<8}  phase {kill.phase:<10}  inside a save {kill.inside_save!s:<5}  "
            f"reached {kill.reached:>3}  resumed from {kill.resumed_from}"
        )
    inside = sum(kill.inside_save for kill in kills)
    print(f"{len(kills)} kills in {len(chains)} runs, {inside} inside a save: 0 files differ, 0 openings too many")
    return len(kills)


@pytest.mark.timeout(600)
def test_ten_kills(steady: Finished, tmp_path: Path) -> None:
    aims: list[Aim] = ["tuning", "save", "anywhere", "tuning", "save", "tuning", "save", "anywhere", "later", "later"]
    assert told(trials(steady, tmp_path, aims, seed=2)) == 10


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_kills(steady: Finished, tmp_path: Path) -> None:
    draw = random.Random(1)
    aims: list[Aim] = [draw.choice(("anywhere", "tuning", "save", "later")) for _ in range(100)]
    assert told(trials(steady, tmp_path, aims, seed=1)) == 100
