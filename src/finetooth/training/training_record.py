"""What a training records while it runs: its counters, the events of its log, the seconds of its parts."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from finetooth.files import write_regular
from finetooth.training.checkpoints import Counters
from finetooth.training.job import TrainingJob


class Stopped(Exception):
    """The order to stop, caught where the state can be saved. signal_number: of the signal."""

    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.signal_number = signal_number


class TrainingRecord:
    """The counters of a job and its log; and the check for an order to stop."""

    def __init__(self, job: TrainingJob, counters: Counters) -> None:
        self.job, self.counters, self.schedule = job, counters, job.schedule

    def log(self, event: str, values: Mapping[str, Any]) -> None:
        """Append an event to the row's log, with the present step and its values."""
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
        """Raises: Stopped if a signal to stop has come."""
        signal_number = self.job.stop()
        if signal_number is not None:
            raise Stopped(signal_number)
