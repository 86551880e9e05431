"""Runs in processes of their own: begun, watched, killed, begun again. Shared by the flows and benchmarks."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import transformers
import yaml

import tiny
from finetooth.files import sha256_file
from finetooth.runs.layout import RowFolder, RunFolder
from finetooth.runs.lock import worker_lock
from finetooth.runs.results import contract

POLL_SECONDS = 0.002
PATIENCE_SECONDS = 120.0
_SEEDS = itertools.count()
EVERY = 5  # steps between the checkpoints of the tiny recipe
PROGRAM = (sys.executable, "-c", "from finetooth.cli import main; main()")

Aim = Literal["anywhere", "training", "save", "later"]


def write_recipe(place: Path, **changes: Any) -> Path:
    """A recipe over a tiny model and its reviews in `place`, all made when they are not there."""
    model = place / "tiny-bert"
    if not model.exists():
        transformers.logging.disable_progress_bar()
        tiny.save_model(model)
        tiny.save_reviews(place / "reviews.csv")
    path = place / f"{changes.get('name', 'tiny')}.yaml"
    values = tiny.recipe(model, place / "reviews.csv", training=changes.pop("training", {})) | changes
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Trial:
    """One run folder with a state folder of its own, worked on by commands in fresh processes."""

    recipe: Path
    out: Path

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.out)

    @property
    def row(self) -> RowFolder:
        """The one candidate's folder."""
        return self.folder.row("r4", 3)

    @property
    def state(self) -> Path:
        return self.out.with_name(f"{self.out.name}-state")

    def start(self, *more: str, **environment: str) -> "subprocess.Popen[str]":
        """Begin `finetooth run` on it."""
        return subprocess.Popen(
            [*PROGRAM, "run", str(self.recipe), "--out", str(self.out), "--json", *more],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment(**environment),
        )  # fmt: skip

    def finish(self, *more: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """`finetooth run` on it, to its end."""
        with self.start(*more, **environment) as process:
            out, err = process.communicate(timeout=PATIENCE_SECONDS * 2)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def environment(self, **more: str) -> dict[str, str]:
        """What a command is started with; each hashes strings by another seed, on which no byte may depend."""
        own = {"FINETOOTH_STATE": str(self.state), "OMP_WAIT_POLICY": "PASSIVE", "PYTHONHASHSEED": str(next(_SEEDS))}
        return {**os.environ, **own, **more}

    def log(self) -> list[dict[str, Any]]:
        """The lines of log.jsonl; one that a kill cut short is left out."""
        if not self.row.log.is_file():
            return []
        whole = self.row.log.read_text(encoding="utf-8").split("\n")[:-1]
        return [json.loads(line) for line in whole]

    def starts(self) -> list[int]:
        """The steps that training began at, one for each process that came so far."""
        return [line["step"] for line in self.log() if line["event"] in ("start", "resume")]

    def contract(self) -> dict[str, Any]:
        """What `--json` prints."""
        return contract(self.out)

    def openings(self) -> int:
        """Openings in the ledger of this trial's state folder."""
        return len(list((self.state / "ledger").glob("*.opening")))

    def artifacts(self) -> dict[str, str]:
        """SHA-256 of all that the inputs determine: adapter folder, predictions and results."""
        files = [item for item in self.row.adapter.rglob("*") if item.is_file()]
        files += [self.row.predictions, self.folder.results]
        return {file.relative_to(self.out).as_posix(): sha256_file(file) for file in files}

    def leftovers(self) -> set[Path]:
        """What writers of the row's files that were killed left behind."""
        return set((self.out / "rows").rglob(".tmp-*"))

    def wait_for_training(self, process: "subprocess.Popen[str]", *, starts: int) -> None:
        """Return when more than `starts` processes have begun to train, or the process has ended."""
        limit = time.monotonic() + PATIENCE_SECONDS
        while len(self.starts()) <= starts and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.02)


@dataclass(frozen=True)
class Kill:
    """One kill -9. phase: what was under way. resumed_from: step that training went on from, None when it did not."""

    aim: Aim
    phase: str
    inside_save: bool
    reached: int
    resumed_from: int | None = None


@dataclass
class Chain:
    """Kills of one trial, until it was allowed to finish."""

    trial: Trial
    kills: list[Kill] = field(default_factory=list)


def aims_of(draw: random.Random, count: int) -> list[Aim]:
    """Where at most ten kills of one run folder are to land: most while it trains, the last two after that."""
    early: list[Aim] = ["training", "training", "training", "save", "save", "save", "anywhere", "anywhere"]
    draw.shuffle(early)
    later: list[Aim] = ["later", "later"]
    return [*early, *later] if count >= 10 else [*early[: max(0, count - 2)], *later][:count]


def kill_until_done(trial: Trial, aims: Iterator[Aim], *, draw: random.Random, train_seconds: float) -> Chain:
    """Give the command again and again, killed as `aims` says while they last, until it ends by itself with code 0.

    train_seconds: what training takes undisturbed; kills in it come after a random part of that.
    """
    chain, counts = Chain(trial), []
    for aim in aims:
        before, old = len(trial.starts()), trial.leftovers()
        process = trial.start()
        _wait(trial, process, aim, draw=draw, train_seconds=train_seconds)
        if process.poll() is not None:
            break
        counts.append(len(trial.starts()))
        phase = _phase(trial, began=counts[-1] > before)
        _kill(trial, process, alone=aim != "save" and draw.random() < 0.5)
        log = trial.log()
        chain.kills.append(Kill(aim, phase, bool(trial.leftovers() - old), log[-1]["step"] if log else 0))
    else:
        process = trial.start()
    _, err = process.communicate(timeout=PATIENCE_SECONDS * 2)
    assert process.returncode == 0, err
    starts = trial.starts()
    chain.kills = [
        Kill(kill.aim, kill.phase, kill.inside_save, kill.reached, starts[count] if count < len(starts) else None)
        for kill, count in zip(chain.kills, counts, strict=True)
    ]
    return chain


def check(chain: Chain, reference: Trial, *, every: int) -> None:
    """Assert that the killed run ended as the undisturbed one, one opening, at most one interval done again a kill."""
    trial = chain.trial
    killed, whole = trial.artifacts(), reference.artifacts()
    differ = sorted(name for name in killed | whole if killed.get(name) != whole.get(name))
    assert not differ, f"{trial.out} and {reference.out} differ in {differ}"
    assert trial.openings() == 1, f"the ledger has {trial.openings()} openings"
    saved = reached = 0
    for line in trial.log():
        if line["event"] in ("start", "resume"):
            assert line["step"] >= saved, f"step {saved} was saved, yet it went on from {line['step']}"
            assert reached - line["step"] <= every, f"step {reached} was reached, yet it went on from {line['step']}"
            reached = line["step"]
        saved = line["step"] if line["event"] == "checkpoint" else saved
        reached = max(reached, line["step"])
    assert not list(trial.out.rglob(".tmp-*"))


@contextmanager
def ended(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    """The process, killed when the block leaves it running."""
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _wait(
    trial: Trial, process: "subprocess.Popen[str]", aim: Aim, *, draw: random.Random, train_seconds: float
) -> None:
    """Return at the moment to kill, or when the process has ended."""
    if aim == "later" or trial.row.adapter.exists():
        _wait_for_later(trial, process, draw=draw)
        return
    if aim == "anywhere":
        limit = time.monotonic() + draw.uniform(0.0, 8.0)
    elif aim == "training":
        trial.wait_for_training(process, starts=len(trial.starts()))
        limit = time.monotonic() + draw.uniform(0.0, train_seconds / 3)
    else:
        trial.wait_for_training(process, starts=len(trial.starts()))
        saves = draw.randint(1, 4)
        for _ in range(saves):
            _wait_for_save(trial, process)
        return
    while time.monotonic() < limit and process.poll() is None:
        time.sleep(POLL_SECONDS)


def _wait_for_later(trial: Trial, process: "subprocess.Popen[str]", *, draw: random.Random) -> None:
    """Return shortly after one of the files that are written when training is over, or when the process has ended.

    A time alone would often be after the end of the process, and the run would then be another one without a kill.
    """
    opening = trial.state / "ledger" / "000001.opening"
    marks = [trial.row.adapter, trial.row.verify, opening, trial.folder.results]
    waiting = [mark for mark in marks if not mark.exists()]
    mark = draw.choice(waiting) if waiting else None
    limit = time.monotonic() + PATIENCE_SECONDS
    while mark is not None and not mark.exists() and process.poll() is None and time.monotonic() < limit:
        time.sleep(POLL_SECONDS)
    limit = time.monotonic() + draw.uniform(0.0, 1.0 if mark is None else 0.3)
    while time.monotonic() < limit and process.poll() is None:
        time.sleep(POLL_SECONDS)


def _wait_for_save(trial: Trial, process: "subprocess.Popen[str]") -> None:
    """Return when a temporary folder appears among the checkpoints, or training has ended."""
    place = trial.row.checkpoints
    old = set(_temporary(place))
    while process.poll() is None and not trial.row.adapter.exists():
        if set(_temporary(place)) - old:
            return
        time.sleep(0.0005)


def _temporary(place: Path) -> list[str]:
    try:
        return [name for name in os.listdir(place) if name.startswith(".tmp-")]  # noqa: PTH208 - in a tight loop
    except FileNotFoundError:
        return []


def _kill(trial: Trial, process: "subprocess.Popen[str]", *, alone: bool) -> None:
    """SIGKILL for the command, and for its child unless alone; return when neither can write any more."""
    worker = None if alone else _worker(trial)
    process.kill()
    if worker is not None:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    process.communicate()
    with worker_lock(trial.folder):
        pass


def _worker(trial: Trial) -> int | None:
    """The child's process, by the note beside its lock."""
    note = trial.folder.worker_lock.with_name(f"{trial.folder.worker_lock.name}.holder")
    try:
        return int(json.loads(note.read_bytes())["pid"])
    except (OSError, ValueError, KeyError):
        return None


def _phase(trial: Trial, *, began: bool) -> str:
    if trial.folder.results.exists():
        return "concluding"
    if trial.row.verify.exists():
        return "test"
    if trial.row.adapter.exists():
        return "verify"
    return "train" if began else "prepare"


@dataclass(frozen=True)
class Finished:
    """A run that was never disturbed, and what its command said."""

    trial: Trial
    said: subprocess.CompletedProcess[str]


def killed(steady: Finished, place: Path, *, kills: int, seed: int) -> list[Chain]:
    """So many kills, in as many run folders as that takes; every run ends in the end, and is checked."""
    draw, chains, done = random.Random(seed), list[Chain](), 0
    seconds = steady.trial.contract()["rows"][0]["train_seconds"]
    while done < kills:
        trial = Trial(steady.trial.recipe, place / f"trial-{len(chains)}")
        chains.append(kill_until_done(trial, iter(aims_of(draw, kills - done)), draw=draw, train_seconds=seconds))
        check(chains[-1], steady.trial, every=EVERY)
        done += len(chains[-1].kills)
    return chains


def told(chains: list[Chain]) -> int:
    """Print a line for each kill; how many there were."""
    kills = [kill for chain in chains for kill in chain.kills]
    for kill in kills:
        print(
            f"aim {kill.aim:<8}  phase {kill.phase:<10}  inside a save {kill.inside_save!s:<5}  "
            f"reached {kill.reached:>3}  resumed from {kill.resumed_from}"
        )
    inside = sum(kill.inside_save for kill in kills)
    print(f"{len(kills)} kills in {len(chains)} runs, {inside} inside a save: 0 files differ, 0 openings too many")
    return len(kills)
