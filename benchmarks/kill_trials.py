"""kill -9 in the middle of a run, many times: how many kills landed inside a save, and the step each resumed from.

    python benchmarks/kill_trials.py [--kills 20] [--seed 0]

A tiny model with dropout and accumulation on; the command and its child are killed at random moments and soon after
files are written (see tests/trials), and the same command is given again, until the run ends. Every run that ends is
compared with one never killed: adapter folder, predictions.parquet and results.json byte by byte, one opening of the
test set, and at most one checkpoint interval done again a kill.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from trials import EVERY, Chain, Trial, aims_of, check, kill_until_done, write_recipe


def main() -> None:
    """Do the trials and print one line for each kill."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="finetooth-kills-") as name:
        _trials(Path(name), kills=asked.kills, draw=random.Random(asked.seed))


def _trials(place: Path, *, kills: int, draw: random.Random) -> None:
    recipe = write_recipe(place, name="steady", baselines=[], training={"epochs": 8})
    reference = Trial(recipe, place / "never-killed")
    said = reference.finish()
    assert said.returncode == 0, said.stderr
    seconds = reference.contract()["rows"][0]["train_seconds"]
    chains: list[Chain] = []
    print("kill  aim       phase       inside a save  reached step  resumed from step")
    while (done := sum(len(chain.kills) for chain in chains)) < kills:
        trial = Trial(recipe, place / f"trial-{len(chains)}")
        chain = kill_until_done(trial, iter(aims_of(draw, kills - done)), draw=draw, train_seconds=seconds)
        check(chain, reference, every=EVERY)
        chains.append(chain)
        for number, kill in enumerate(chain.kills, start=done + 1):
            yes = "yes" if kill.inside_save else "no"
            again = "training was over" if kill.resumed_from is None else kill.resumed_from
            print(f"{number:<4}  {kill.aim:<8}  {kill.phase:<10}  {yes:<13}  {kill.reached:<12}  {again}", flush=True)
    inside = sum(kill.inside_save for chain in chains for kill in chain.kills)
    files = len(reference.artifacts())
    print(
        f"{kills} kills in {len(chains)} runs, {inside} inside a save; of {files} files of each run 0 differ from the "
        f"never-killed run's; openings of the test set beyond the first: 0 in {len(chains)} runs"
    )


if __name__ == "__main__":
    main()
