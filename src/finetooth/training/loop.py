"""The training loop: the recipe's batches exactly, micro-batches under a token budget, resume to the bit.

Each pass of the loop is: evaluate if this step's evaluation is due, save if a checkpoint is due, take one step. What
is on disk is always "the state before the next step", so that stopping anywhere repeats at most one interval.

On a GPU the loop hands over step after step and reads their metrics every LOG_EVERY of them, and before it
evaluates or saves (docs/adr/0011-cuda-tuning.md). Evaluations are on the CPU, by a model that takes the values over.
"""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from finetooth.errors import DivergedError, Interrupted
from finetooth.evaluation.learning import collapse
from finetooth.files import write_regular
from finetooth.models import device, seeds
from finetooth.models.batching import Rows, collate
from finetooth.models.packed import PackedModel
from finetooth.models.precision import DTYPES
from finetooth.runs.memory import give_back, ran_out
from finetooth.runs.plan_file import Precision
from finetooth.training import checkpoints
from finetooth.training.checkpoints import Counters
from finetooth.training.forward import Forward, PaddedModel
from finetooth.training.gradients import MicroBatchPool, accumulate
from finetooth.training.job import TrainingJob
from finetooth.training.loss import BatchLoss
from finetooth.training.optimizer import adamw
from finetooth.training.step_metrics import StepMetrics
from finetooth.training.trainable_parameters import copy_values, trainable_parameters
from finetooth.training.validation import validation_logits
from finetooth.wording import percent

LOG_EVERY = 10
_NOTHING_LEARNT = (
    "its only step is a warm-up step with a learning rate of 0: nothing was learned. Set training.warmup_fraction: "
    "0, or "
    "train for more steps"
)
Result = TypeVar("Result")


class Trainer:
    """Trains one candidate; `run` takes it from its state on disk to its best state.

    model: on the CPU; what is evaluated, and holds the best state in the end. trained_model: what the steps change; on
    the CPU the same, else a copy of it on the device.
    """

    def __init__(self, job: TrainingJob, model: Any) -> None:
        self.job, self.schedule = job, job.schedule
        self.model, self.trained_model = model, device.placed(model, job.training.device)
        self.named = trainable_parameters(self.trained_model)
        self.parameters = list(self.named.values())
        self.device = self.parameters[0].device
        self.read_every = 1 if self.device.type == "cpu" else LOG_EVERY
        self.step_metrics = StepMetrics(self.device)
        self.last_step: dict[str, float] = {}  # loss and gradient norm of the last step that was read
        self.pool = MicroBatchPool()
        self.optimizer, self.peaks = adamw(self.named.items(), job.training, job.candidate)
        self.loss = BatchLoss(
            job.task.loss,
            job.train.labels,
            classes=job.classes,
            weights=job.training.class_weights,
            device=self.device,
        )
        self.random = any(module.p > 0 for module in model.modules() if isinstance(module, nn.Dropout))
        job.folder.checkpoints.mkdir(parents=True, exist_ok=True)
        self.counters = checkpoints.load(job.folder.checkpoints, self.named, self.optimizer)
        self.counters.token_budget = self.counters.token_budget or job.token_budget
        reduced = min(self.counters.token_budget, job.reduced_budget or self.counters.token_budget)
        self.budget_was_reduced, self.counters.token_budget = reduced < self.counters.token_budget, reduced
        self.forward = self._forward(self.counters.token_budget)
        self._epoch_order: tuple[int, Rows] = (-1, np.empty(0, np.int64))

    def run(self) -> Counters:
        """Tune to the end, or to where patience ends, and leave the best step's weights in the model.

        Raises: DivergedError before a step whose loss or gradient is not finite; Interrupted, with the state saved,
        when told to stop.
        """
        job, counters = self.job, self.counters
        self._log("resume" if counters.step else "start", {})
        if self.schedule.most == 1 and self.schedule.rate_factor(0, None) == 0.0:
            counters.warnings = [_NOTHING_LEARNT]
        if self.budget_was_reduced:
            self._tell_lowered(f"after step {counters.step}")
        job.advance(counters.step, "")
        self.model.train()
        try:
            with self.pool:
                self._warm_up()
                self._steps()
        except _Stop as stop:
            self._read_metrics()
            self._checkpoint()
            raise Interrupted("interrupted; the state is saved.", signal_number=stop.signal_number) from None
        self._take_best()
        self._log("end", {"best_step": counters.best_step})
        return counters

    def _take_best(self) -> None:
        """Put the best step's weights into the model; a reload is compared with its plain validation logits."""
        folder, step = self.job.folder.checkpoints, self.counters.best_step
        assert step is not None
        if self.job.inference == "plain":
            checkpoints.load_best(folder, step, trainable_parameters(self.model))
            return
        self._checkpoint()
        checkpoints.load_best(folder, step, trainable_parameters(self.model))
        try:
            with self._timed("evaluate"):
                checkpoints.save_plain(folder, step, self._validation_logits("plain"))
        except _Stop as stop:
            raise Interrupted("interrupted; the state is saved.", signal_number=stop.signal_number) from None

    def _steps(self) -> None:
        job, counters = self.job, self.counters
        while True:
            if self._evaluation_due():
                self._evaluate()
            self._begin_decay()
            if counters.step == self.schedule.end(counters.decay_began) or self._out_of_patience():
                break
            if counters.step % job.training.checkpoint_every == 0 and counters.step:
                self._checkpoint()
            self._freeze()
            self._step()

    def _freeze(self) -> None:
        """Freeze the lower layers, if their time has come and this process has not done it yet."""
        freezing, forward, counters = self.job.freezing, self.forward, self.counters
        if freezing is None or counters.step < self.schedule.freezes_after:
            return
        assert isinstance(forward, PackedModel)
        if forward.first_changing == freezing.depth:
            return
        if counters.frozen_after is None:
            counters.frozen_after, counters.all_layers_seconds = counters.step, counters.seconds

        def progress(done: int, total: int) -> None:
            self._stop_if_signalled()
            self.job.advance(0, f"states of the frozen layers: {done:,} of {total:,} blocks")

        with self._timed("frozen"):
            freezing.freeze(forward, self.named, self.pool, progress=progress)
        self._log("freeze", {"layers": freezing.depth})

    def _forward(self, budget: int) -> Forward:
        split = self.job.train
        if self.job.packed:
            concurrent = self.pool.size if self.device.type == "cpu" else 1
            dtype = DTYPES[self.job.precision]
            model, tokens, states = self.trained_model, split.tokens, split.states
            return PackedModel(model, tokens, budget=budget, most_concurrent=concurrent, states=states, dtype=dtype)
        assert self.trained_model is self.model
        return PaddedModel(self.model, split.tokens, budget=budget, pad_id=self.job.pad_id)

    def _warm_up(self) -> None:
        """A pass thrown away on each thread: a process's first is not always bitwise that of its later ones (ADR 5)."""
        started, rows = time.perf_counter(), self._batch_rows()
        self.forward.fold()

        def passes() -> None:
            parts = self.forward.split(rows)[: self.forward.concurrent]
            accumulate(
                self.pool,
                parts,
                forward=self.forward,
                parameters=self.parameters,
                loss=lambda logits, _: (logits.sum(), logits.sum()),
            )
            with self.pool.all_threads(), torch.inference_mode():  # evaluations are this thread's
                if self.trained_model is self.model:
                    self.forward(parts[0])
                else:  # the GPU's passes were none of the processor's
                    self.model(**collate(self.job.train.tokens, parts[0][:1], pad_id=self.job.pad_id))

        self._within_memory(rows, passes)
        self.optimizer.zero_grad(set_to_none=True)
        self.counters.seconds += time.perf_counter() - started

    def _step(self) -> None:
        job, counters, started = self.job, self.counters, time.perf_counter()
        rows = self._batch_rows()
        with self._timed("forward"):
            self.forward.fold()
        sums = self._within_memory(rows, lambda: self._accumulate(rows))
        with self._timed("optimizer"):
            norm = nn.utils.clip_grad_norm_(self.parameters, job.training.max_grad_norm or math.inf)
            self.step_metrics.add(counters.step + 1, rows, sums=sums, norm=norm)
            if self._metrics_due():
                self._read_metrics()
            factor = self.schedule.rate_factor(counters.step, counters.decay_began)
            for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
                group["lr"] = peak * factor
            self.optimizer.found_inf = self.step_metrics.halted  # type: ignore[attr-defined]  # torch's GradScaler sets it so
            self.optimizer.step()
        counters.step += 1
        counters.evaluated = False
        counters.examples += len(rows)
        counters.tokens += int(job.train.tokens.lengths[rows].sum())
        counters.seconds += time.perf_counter() - started
        if counters.step % LOG_EVERY == 0:
            self._log("train", {**self.last_step, "learning_rate": self.peaks[0] * factor})
        ends = "" if counters.decay_began is None else f", ends at step {self.schedule.end(counters.decay_began):,}"
        job.advance(1, f"loss {counters.loss_sum / counters.loss_count:.3f}{ends}" if counters.loss_count else "")

    def _metrics_due(self) -> bool:
        """Whether the metrics are read before this step is taken: the log, an evaluation or a checkpoint follows."""
        step = self.counters.step + 1
        return step % self.read_every == 0 or self._evaluated_at(step) or step % self.job.training.checkpoint_every == 0

    def _read_metrics(self) -> None:
        """Add up the metrics of the steps since the last call.

        Raises: DivergedError for the first whose loss or gradient is not finite; neither it nor a later one was taken.
        """
        for step in self.step_metrics.take():
            step.check_finite(self.job.train.ids)
            self.counters.loss_sum += step.losses
            self.counters.score_sum += step.scores
            self.counters.loss_count += len(step.rows)
            self.last_step = {"loss": step.losses / len(step.rows), "gradient_norm": step.norm}

    def _within_memory(self, rows: Rows, work: Callable[[], Result]) -> Result:
        """What work on a batch gives, done in smaller micro-batches from here on whenever memory runs out."""
        while True:
            try:
                return work()
            except (MemoryError, RuntimeError) as error:
                if not ran_out(error) or (self.forward.concurrent == 1 and len(self.forward.split(rows)) == len(rows)):
                    raise
            self.forward.budget = self.counters.token_budget = self.forward.budget // 2
            self._tell_lowered(f"at step {self.counters.step + 1}")

    def _tell_lowered(self, when: str) -> None:
        budget = self.counters.token_budget
        self.counters.warnings.append(f"memory ran out {when}; from there at most {budget:,} tokens at a time")
        self._log("memory", {"token_budget": budget})

    def _accumulate(self, rows: Rows) -> torch.Tensor:
        """The gradient of one optimizer batch, micro-batch by micro-batch.

        Gives (2,) float64: the sums of its losses and of its scores by the headline metric.
        """
        job, counters = self.job, self.counters
        loss = partial(self.loss, total_weight=self.loss.total_weight(rows))

        def before(number: int) -> None:
            self._stop_if_signalled()
            if self.random:
                torch.manual_seed(seeds.derive(job.seed, "dropout", counters.step, number))

        parts = self.forward.split(rows)
        sums, seconds = accumulate(
            self.pool, parts, forward=self.forward, parameters=self.parameters, loss=loss, before=before
        )
        for part, spent in seconds.items():
            counters.part_seconds[part] = counters.part_seconds.get(part, 0.0) + spent
        return sums

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        spent = self.counters.part_seconds
        spent[part] = spent.get(part, 0.0) + time.perf_counter() - started

    def _batch_rows(self) -> Rows:
        epoch, position = divmod(self.counters.step, self.schedule.steps_per_epoch)
        if self._epoch_order[0] != epoch:
            self._epoch_order = (epoch, seeds.order(self.job.seed, epoch, len(self.job.train.labels)))
        size = self.job.training.batch_size
        return self._epoch_order[1][position * size : (position + 1) * size]

    def _evaluation_due(self) -> bool:
        step = self.counters.step
        return step > 0 and not self.counters.evaluated and self._evaluated_at(step)

    def _evaluated_at(self, step: int) -> bool:
        return self.schedule.evaluated_at(step, self.counters.decay_began)

    def _evaluate(self) -> None:
        job, counters = self.job, self.counters
        with self._timed("evaluate"), self.pool.all_threads():
            give_back()  # the steps' shapes are not those of an evaluation
            copy_values(self.named, self.model)
            logits = self._validation_logits(job.inference)
            give_back()
        if not np.isfinite(logits).all():
            raise DivergedError(f"a validation logit after step {counters.step} is not finite.")
        figures, headline = job.task.score(logits, job.validation.labels), job.task.headline.key
        collapsed = self._check_collapse(logits)
        value = job.task.metric(job.training.monitor).gain(figures[job.training.monitor])
        point = {
            "epoch": counters.step / self.schedule.steps_per_epoch,
            "train_loss": counters.loss_sum / counters.loss_count,
            "train_accuracy": counters.score_sum / counters.loss_count,
            "validation_loss": figures["loss"],
            "validation_accuracy": figures[headline],
        }
        counters.learned = counters.learned or not collapsed
        if counters.is_best(value, collapsed=bool(collapsed)):
            with self._timed("save"):
                checkpoints.save_best(job.folder.checkpoints, counters.step, named=self.named, logits=logits)
            counters.best_step, counters.best_value, counters.waited = counters.step, value, 0
        elif counters.learned or not self.schedule.automatic:  # before it has begun to learn there is no reason to end
            counters.waited += 1
        counters.curve.append(point)
        counters.loss_sum, counters.score_sum, counters.loss_count, counters.evaluated = 0.0, 0.0, 0, True
        other = {key: value for key, value in figures.items() if key not in ("examples", "loss", headline)}
        self._log("evaluate", point | other)
        job.advance(0, f"validation {percent(figures[headline])}{collapsed}")

    def _validation_logits(self, precision: Precision) -> npt.NDArray[np.float32]:
        job, done = self.job, 0

        def advance(count: int) -> None:
            nonlocal done
            self._stop_if_signalled()
            done += count
            job.advance(0, f"validating {done:,} of {len(job.validation.labels):,} texts")

        return validation_logits(
            self.model,
            job.validation.tokens,
            precision=precision,
            pad_id=job.pad_id,
            budget=job.budget,
            states=job.validation.states,
            advance=advance,
        )

    def _check_collapse(self, logits: npt.NDArray[np.float32]) -> str:
        """Log that one class takes nearly all answers, and return it as a note for the progress.

        It is no warning of the row: a later step may learn, and the verdict looks at the step that is kept.
        """
        one = collapse(self.job.task.answers(logits), self.job.validation.labels)
        if one is None:
            return ""
        name = self.job.classes[one.label]
        self._log("alarm", {"class": name, "share": one.share, "true_share": one.true_share})
        return f", {percent(one.share, 0)} of the answers are {name!r}"

    def _begin_decay(self) -> None:
        """Let the rate fall from here on, once an automatic training has come to that; its last step is then kept.

        At the peak rate a step is good or bad by chance, and on few rows the loss reflects confidence before accuracy.
        """
        counters = self.counters
        fitted = counters.curve[-1]["train_accuracy"] if counters.curve else None
        if counters.decay_began is None and self.schedule.decays(
            counters.step, waited=counters.waited, train_accuracy=fitted
        ):
            counters.decay_began = counters.step
            counters.best_value, counters.waited = None, 0
            self._log("decay", {"steps": self.schedule.end(counters.step) - counters.step})

    def _out_of_patience(self) -> bool:
        patience = None if self.schedule.automatic else self.schedule.patience
        return patience is not None and self.counters.waited >= patience

    def _checkpoint(self) -> None:
        with self._timed("save"):
            checkpoints.save(self.job.folder.checkpoints, self.counters, named=self.named, optimizer=self.optimizer)
        self._log("checkpoint", {})

    def _stop_if_signalled(self) -> None:
        signal_number = self.job.stop()
        if signal_number is not None:
            raise _Stop(signal_number)

    def _log(self, event: str, values: dict[str, Any]) -> None:
        counters = self.counters
        line = {"event": event, "step": counters.step, "epoch": counters.step / self.schedule.steps_per_epoch}
        with write_regular(self.job.folder.log, "a") as file:
            file.write(json.dumps(line | {"tokens": counters.tokens} | values) + "\n")


class _Stop(Exception):  # an order, caught in run()
    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.signal_number = signal_number
