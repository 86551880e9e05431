"""The training loop: the recipe's batches exactly, micro-batches under a token budget, resume to the bit.

Each pass of the loop is: evaluate if this step's evaluation is due, save if a checkpoint is due, take one step. The
state on disk is always that before the next step, so that after a stop anywhere at most one interval is repeated.

On a GPU the loop enqueues step after step. It reads their metrics every LOG_EVERY steps, and before it evaluates or
saves (docs/adr/0011-cuda-tuning.md). Evaluations are on the CPU, by a model that receives the trained values.
"""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from finetooth.errors import Interrupted
from finetooth.models import device, seeds
from finetooth.models.batching import Rows, collate
from finetooth.models.packed import PackedModel
from finetooth.runs.memory import ran_out
from finetooth.training import checkpoints
from finetooth.training.checkpoints import Counters
from finetooth.training.forward import forward_of
from finetooth.training.gradients import MicroBatchPool, accumulate
from finetooth.training.job import TrainingJob
from finetooth.training.loss import BatchLoss
from finetooth.training.optimizer import adamw, trainable_parameters
from finetooth.training.step_metrics import StepMetrics
from finetooth.training.training_record import Stopped, TrainingRecord
from finetooth.training.validation import Validation

LOG_EVERY = 10
_NOTHING_LEARNED = (
    "its only step is a warm-up step with a learning rate of 0: nothing was learned. Set training.warmup_fraction: "
    "0, or train for more steps"
)
_INTERRUPTED = "interrupted; the state is saved."
Result = TypeVar("Result")


class Trainer:
    """Trains one candidate; `run` continues from the newest checkpoint and leaves the best step's weights in the model.

    model: on the CPU; it is evaluated, and has the best state in the end. trained_model: what the steps change; on the
    CPU the same model, else a copy of it on the device. named: the trained parameters of trained_model by full name.
    peaks: the highest learning rate of each parameter group.
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
        self.has_dropout = any(module.p > 0 for module in model.modules() if isinstance(module, nn.Dropout))
        job.folder.checkpoints.mkdir(parents=True, exist_ok=True)
        self.counters = checkpoints.load(job.folder.checkpoints, self.named, self.optimizer)
        self.counters.token_budget = self.counters.token_budget or job.token_budget
        self.record = TrainingRecord(job, self.counters)
        self.validation = Validation(job, self.record, model, self.named)
        self.forward = forward_of(
            self.trained_model,
            job.train.tokens,
            packed=job.packed,
            budget=self.counters.token_budget,
            pad_id=job.pad_id,
            precision=job.precision,
            most_concurrent=self.pool.size if self.device.type == "cpu" else 1,
            states=job.train.states,
        )
        self._epoch_order: tuple[int, Rows] = (-1, np.empty(0, np.int64))

    def run(self) -> Counters:
        """Train to the end, or to where patience ends, and leave the best step's weights in the model.

        Raises: DivergedError before a step whose loss or gradient is not finite; Interrupted after a signal, with the
        state saved.
        """
        job, counters = self.job, self.counters
        self.record.log("resume" if counters.step else "start", {})
        if self.schedule.most == 1 and self.schedule.rate_factor(0, None) == 0.0:
            counters.warnings = [_NOTHING_LEARNED]
        if job.reduced_budget is not None and job.reduced_budget < counters.token_budget:
            self._reduce_budget(job.reduced_budget, f"after step {counters.step}")
        job.advance(counters.step, "")
        self.model.train()
        try:
            with self.pool:
                self._warm_up()
                self._steps()
        except Stopped as stop:
            self._read_metrics()
            self._checkpoint()
            raise Interrupted(_INTERRUPTED, signal_number=stop.signal_number) from None
        if job.inference != "plain":
            self._checkpoint()  # take_best computes a plain pass, which is slow and may be interrupted
        try:
            self.validation.take_best()
        except Stopped as stop:  # the model has the best step's values now, which are not the state of this step
            raise Interrupted(_INTERRUPTED, signal_number=stop.signal_number) from None
        self.record.log("end", {"best_step": counters.best_step})
        return counters

    def _steps(self) -> None:
        counters, validation = self.counters, self.validation
        while True:
            if counters.step > 0 and not counters.evaluated and validation.due_at(counters.step):
                self._evaluate()
            validation.begin_decay()
            if validation.is_last():
                break
            if counters.step % self.job.training.checkpoint_every == 0 and counters.step:
                self._checkpoint()
            self._freeze()
            self._step()

    def _evaluate(self) -> None:
        with self.pool.all_threads():
            self.validation.evaluate()

    def _freeze(self) -> None:
        """Freeze the lower layers if it is time and this process has not frozen them yet."""
        freezing, forward, counters = self.job.freezing, self.forward, self.counters
        if freezing is None or counters.step < self.schedule.freezes_after:
            return
        assert isinstance(forward, PackedModel)
        if forward.first_changing == freezing.depth:
            return
        if counters.frozen_after is None:
            counters.frozen_after, counters.all_layers_seconds = counters.step, counters.seconds

        def progress(done: int, total: int) -> None:
            self.record.stop_if_signalled()
            self.job.advance(0, f"states of the frozen layers: {done:,} of {total:,} blocks")

        with self.record.timed("frozen_layers"):
            freezing.freeze(forward, self.named, self.pool, progress=progress)
        self.record.log("freeze", {"layers": freezing.depth})

    def _warm_up(self) -> None:
        """Discard a pass on each thread: the first of a process may differ from later ones in its last bits (ADR 5)."""
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
            with self.pool.all_threads(), torch.inference_mode():  # this thread computes evaluations
                if self.trained_model is self.model:
                    self.forward(parts[0])
                else:  # the passes above were on the GPU
                    self.model(**collate(self.job.train.tokens, parts[0][:1], pad_id=self.job.pad_id))

        self._within_memory(rows, passes)
        self.optimizer.zero_grad(set_to_none=True)
        self.counters.seconds += time.perf_counter() - started

    def _step(self) -> None:
        job, counters, started = self.job, self.counters, time.perf_counter()
        rows = self._batch_rows()
        with self.record.timed("forward"):
            self.forward.fold()
        sums = self._within_memory(rows, lambda: self._accumulate(rows))
        with self.record.timed("optimizer"):
            norm = nn.utils.clip_grad_norm_(self.parameters, job.training.max_grad_norm or math.inf)
            self.step_metrics.add(counters.step + 1, rows, sums=sums, norm=norm)
            if self._metrics_due():
                self._read_metrics()
            factor = self.schedule.rate_factor(counters.step, counters.decay_began)
            for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
                group["lr"] = peak * factor
            self.optimizer.found_inf = self.step_metrics.halted  # type: ignore[attr-defined]  # as torch's GradScaler sets it
            self.optimizer.step()
        counters.step += 1
        counters.evaluated = False
        counters.examples += len(rows)
        counters.tokens += int(job.train.tokens.lengths[rows].sum())
        counters.seconds += time.perf_counter() - started
        if counters.step % LOG_EVERY == 0:
            self.record.log("train", {**self.last_step, "learning_rate": self.peaks[0] * factor})
        ends = "" if counters.decay_began is None else f", ends at step {self.schedule.end(counters.decay_began):,}"
        job.advance(1, f"loss {counters.loss_sum / counters.loss_count:.3f}{ends}" if counters.loss_count else "")

    def _metrics_due(self) -> bool:
        """Whether the metrics are read before this step is taken: the log, an evaluation or a checkpoint follows."""
        step = self.counters.step + 1
        return (
            step % self.read_every == 0
            or self.validation.due_at(step)
            or step % self.job.training.checkpoint_every == 0
        )

    def _read_metrics(self) -> None:
        """Add up the metrics of the steps since the last call.

        Raises: DivergedError for the first step whose loss or gradient is not finite; neither it nor a later one
        changed a value.
        """
        for step in self.step_metrics.take():
            step.check_finite(self.job.train.ids, remedy=self.job.if_not_finite)
            self.counters.loss_sum += step.losses
            self.counters.score_sum += step.scores
            self.counters.loss_count += len(step.rows)
            self.last_step = {"loss": step.losses / len(step.rows), "gradient_norm": step.norm}

    def _within_memory(self, rows: Rows, work: Callable[[], Result]) -> Result:
        """The result of work on a batch; whenever memory runs out, the token budget is halved from here on."""
        while True:
            try:
                return work()
            except (MemoryError, RuntimeError) as error:
                if not ran_out(error) or (self.forward.concurrent == 1 and len(self.forward.split(rows)) == len(rows)):
                    raise
            self._reduce_budget(self.forward.budget // 2, f"at step {self.counters.step + 1}")

    def _reduce_budget(self, budget: int, when: str) -> None:
        self.forward.budget = self.counters.token_budget = budget
        self.counters.warnings.append(f"memory ran out {when}; from there at most {budget:,} tokens at a time")
        self.record.log("memory", {"token_budget": budget})

    def _accumulate(self, rows: Rows) -> torch.Tensor:
        """Give the parameters the gradient of one optimizer batch, micro-batch by micro-batch.

        Returns (2,) float64: the sums of its losses and of its scores by the headline metric.
        """
        job, counters = self.job, self.counters
        loss = partial(self.loss, total_weight=self.loss.total_weight(rows))

        def before(number: int) -> None:
            self.record.stop_if_signalled()
            if self.has_dropout:
                torch.manual_seed(seeds.derive(job.seed, "dropout", counters.step, number))

        parts = self.forward.split(rows)
        sums, seconds = accumulate(
            self.pool, parts, forward=self.forward, parameters=self.parameters, loss=loss, before=before
        )
        for part, spent in seconds.items():
            self.record.add_seconds(part, spent)
        return sums

    def _batch_rows(self) -> Rows:
        epoch, position = divmod(self.counters.step, self.schedule.steps_per_epoch)
        if self._epoch_order[0] != epoch:
            self._epoch_order = (epoch, seeds.order(self.job.seed, epoch, len(self.job.train.labels)))
        size = self.job.training.batch_size
        return self._epoch_order[1][position * size : (position + 1) * size]

    def _checkpoint(self) -> None:
        with self.record.timed("save"):
            checkpoints.save(self.job.folder.checkpoints, self.counters, named=self.named, optimizer=self.optimizer)
        self.record.log("checkpoint", {})
