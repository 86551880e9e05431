"""kill -9 at any moment and the same command again end in the bytes of the run that was never killed."""

import random
from pathlib import Path

import pytest

from trials import Chain, Finished, Trial, check, kill_until_done, ten_aims

EVERY = 5


def trials(steady: Finished, place: Path, *, kills: int, seed: int) -> list[Chain]:
    """So many kills, in as many run folders as that takes; every run ends in the end, and is checked."""
    draw, chains, done = random.Random(seed), list[Chain](), 0
    seconds = steady.trial.contract()["rows"][0]["train_seconds"]
    while done < kills:
        trial = Trial(steady.trial.recipe, place / f"trial-{len(chains)}")
        aims = ten_aims(draw)[: kills - done]
        chains.append(kill_until_done(trial, iter(aims), draw=draw, tune_seconds=seconds))
        check(chains[-1], steady.trial, every=EVERY)
        done += len(chains[-1].kills)
    return chains


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
    assert told(trials(steady, tmp_path, kills=10, seed=2)) == 10


@pytest.mark.timeout(600)
def test_three_kills_without_padding_and_with_the_layers_below_kept_on_disk(prefixed: Finished, tmp_path: Path) -> None:
    assert told(trials(prefixed, tmp_path, kills=3, seed=3)) == 3


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_kills(steady: Finished, tmp_path: Path) -> None:
    assert told(trials(steady, tmp_path, kills=100, seed=1)) == 100
