"""How long commands take to their first answer: wall and processor time, medians of several runs, sides in turn.

    .venv/bin/python benchmarks/start_up.py --runs 5
    .venv/bin/python benchmarks/start_up.py --runs 5 --before ../before

--before names another checkout with a .venv of its own (git worktree add ../before COMMIT, then make there); it is
measured in turn with this one. Model and data of the quickstart are fetched before anything is timed. Processor time
is that of the command and of all processes that it started.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parents[1]
FEW = ["--set", "data.limit={train: 64}", "--set", "data.validation=64", "--set", "data.test=64", "--set",
       "training.epochs=1", "--set", "baselines=[majority]", "--set", "candidates=[{name: r8, rank: 8}]"]  # fmt: skip
RECIPE = "name: mine\nmodel: minilm\ndata: {source: one_class.csv, label: label}\ncandidates: [{name: r8, rank: 8}]\n"
ONE_CLASS = "text,label\nA film to remember.,good\nLovely.,good\n"


@dataclass(frozen=True, slots=True)
class Timed:
    """What one run of a command took, in seconds."""

    wall: float
    processor: float


def timed(words: list[str], *, place: Path, codes: tuple[int, ...]) -> Timed:
    """Run a command in `place` and time it; it must end with one of the exit codes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(words, cwd=place, capture_output=True, text=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in codes:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr}")
    return Timed(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def commands(checkout: Path, name: str) -> dict[str, tuple[list[str], tuple[int, ...]]]:
    """The commands of a checkout by what they are, with the exit codes that are right."""
    own, recipe = str(checkout / ".venv" / "bin" / "finetooth"), str(checkout / "src/finetooth/quickstart.yaml")
    found = {
        "a data error of `check`": ([own, "check", "one_class.yaml"], (1, 2)),
        "a data error of `run`": ([own, "run", "one_class.yaml"], (1, 2)),
        "`predict`, one text": ([own, "predict", "--with", name, "A film to remember."], (0,)),
        "`check` of the quickstart": ([own, "check", recipe], (0,)),
        "`check --quick` of it": ([own, "check", recipe, "--quick"], (0,)),
    }
    help_text = subprocess.run([own, "check", "--help"], capture_output=True, text=True, check=True).stdout
    return found if "--quick" in help_text else {key: value for key, value in found.items() if "--quick" not in key}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--before", type=Path, help="another checkout, with a .venv of its own")
    parser.add_argument("--only", nargs="*", default=[], help="words of the commands to measure, such as predict")
    asked = parser.parse_args()
    sides = {"before": asked.before.resolve()} if asked.before else {}
    sides["now"] = HERE
    with tempfile.TemporaryDirectory(prefix="start-up-") as folder:
        place = Path(folder)
        (place / "one_class.csv").write_text(ONE_CLASS, encoding="utf-8")
        (place / "one_class.yaml").write_text(RECIPE, encoding="utf-8")
        for name, checkout in sides.items():  # a run to predict with, which also brings model and data
            own = str(checkout / ".venv" / "bin" / "finetooth")
            timed([own, "quickstart", "--out", name, *FEW], place=place, codes=(0,))
        all_commands = {name: commands(checkout, name) for name, checkout in sides.items()}
        print(f"load before: {os.getloadavg()[0]:.1f}; medians of {asked.runs} runs, seconds\n")
        print("| command | side | wall | processor time |\n| --- | --- | --- | --- |")
        for what in all_commands["now"]:
            if asked.only and not any(word in what for word in asked.only):
                continue
            found: dict[str, list[Timed]] = {name: [] for name in sides if what in all_commands[name]}
            for _ in range(asked.runs):
                for name, times in found.items():
                    words, codes = all_commands[name][what]
                    times.append(timed(words, place=place, codes=codes))
            for name, times in found.items():
                wall, processor = median(item.wall for item in times), median(item.processor for item in times)
                print(f"| {what} | {name} | {wall:.2f} | {processor:.2f} |", flush=True)


if __name__ == "__main__":
    main()
