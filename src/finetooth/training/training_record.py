"""The record of a training: it writes the log, adds up the seconds of each part, and notices the signal to stop."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from finetooth.files import write_regular
from finetooth.training.checkpoints import Counters
from finetooth.training.job import TrainingJob


class Stopped(Exception):
    """A signal to stop was received. The training loop catches it where the state can be saved."""

    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.signal_number = signal_number


class TrainingRecord:
    """Writes the log of a job, and changes part_seconds of its counters. counters: the same object as the trainer's."""

    def __init__(self, job: TrainingJob, counters: Counters) -> None:
        self.job, self.counters, self.schedule = job, counters, job.schedule

    def log(self, event: str, values: Mapping[str, Any]) -> None:
        """Append a line to the row's log: the event, step, epoch and tokens of the counters, and `values`."""
        counters = self.counters
        line = {"event": event, "step": counters.step, "epoch": counters.step / self.schedule.steps_per_epoch}
        with write_regular(self.job.folder.log, "a") as file:
            file.write(json.dumps({**line, "tokens": counters.tokens, **values}) + "\n")

    def add_seconds(self, part: str, seconds: float) -> None:
        """Add to the seconds of a part of the training."""
        self.counters.part_seconds[part] = self.counters.part_seconds.get(part, 0.0) + seconds

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Add the seconds of the block to those of a part; if the block fails, add nothing."""
        started = time.perf_counter()
        yield
        self.add_seconds(part, time.perf_counter() - started)

    def stop_if_signalled(self) -> None:
        """Check that no signal to stop was received. Raises: Stopped if one was."""
        signal_number = self.job.stop()
        if signal_number is not None:
            raise Stopped(signal_number)
