"""Evaluations while a candidate is trained: the validation logits, the best step, and when the rate begins to fall.

If the model allows it, the inference pass computes the logits.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from finetooth.errors import DivergedError
from finetooth.evaluation.learning import collapse
from finetooth.models.packed_inference import InferencePass, inference_obstacle
from finetooth.models.plain_pass import logits as plain_logits
from finetooth.runs.memory import give_back
from finetooth.runs.plan_file import Precision
from finetooth.training import checkpoints
from finetooth.training.job import Split, TrainingJob
from finetooth.training.optimizer import trainable_parameters
from finetooth.training.training_record import TrainingRecord
from finetooth.wording import percent


def validation_logits(
    model: Any, split: Split, *, precision: Precision, pad_id: int, budget: int, advance: Callable[[int], None]
) -> npt.NDArray[np.float32]:
    """Logits (N, C) float32 of the validation rows by the model as it is now.

    precision: number format of the inference pass; float32 is used if a logit in bfloat16 is not finite. The plain pass
    is used for `plain`, and for a model that the inference pass cannot compute. budget: most tokens of a micro-batch of
    the plain pass. advance: called with the number of rows of each micro-batch; what it raises ends the work. The model
    computes in eval mode and is then put back into its own mode.
    """
    tokens, states = split.tokens, split.states
    if precision == "plain" or inference_obstacle(model) is not None:
        return plain_logits(model, tokens, pad_id=pad_id, budget=budget, states=states, advance=advance)
    training = model.training
    model.eval()
    try:
        computed = InferencePass(model, precision).split_logits(tokens, states=states, advance=advance)
        if precision == "float32" or np.isfinite(computed).all():
            return computed
        exact = InferencePass(model, "float32")
        return exact.split_logits(tokens, states=states, advance=lambda count: advance(0))  # rows are counted once
    finally:
        model.train(training)


class Validation:
    """The evaluations of a training.

    model: on the CPU; it takes over the values of `named` for each evaluation, and has the best step's values after
    take_best. named: the trained parameters by full name, on the device of the training.
    """

    def __init__(self, job: TrainingJob, record: TrainingRecord, model: Any, named: Mapping[str, nn.Parameter]) -> None:
        self.job, self.record, self.model, self.named = job, record, model, named
        self.counters, self.schedule = record.counters, job.schedule

    def due_at(self, step: int) -> bool:
        """Whether the validation rows are scored after `step`."""
        return self.schedule.evaluated_at(step, self.counters.decay_began)

    def evaluate(self) -> None:
        """Score the validation rows after the present step, and save the step if it is the best so far.

        Raises: DivergedError for a logit that is not finite; Stopped.
        """
        job, counters = self.job, self.counters
        with self.record.timed("evaluate"):
            give_back()  # the steps' shapes are not those of an evaluation
            with torch.no_grad():
                for name, parameter in trainable_parameters(self.model).items():
                    parameter.copy_(self.named[name])  # on the CPU its own value
            logits = self._logits(job.inference)
            give_back()
        if not np.isfinite(logits).all():
            raise DivergedError(f"a validation logit after step {counters.step} is not finite; {job.if_not_finite}.")
        figures, headline = job.task.score(logits, job.validation.labels), job.task.headline.key
        collapsed = self._collapse_note(logits)
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
            with self.record.timed("save"):
                checkpoints.save_best(job.folder.checkpoints, counters.step, named=self.named, logits=logits)
            counters.best_step, counters.best_value, counters.waited = counters.step, value, 0
        elif counters.learned or not self.schedule.automatic:  # before it has begun to learn there is no reason to end
            counters.waited += 1
        counters.curve.append(point)
        counters.loss_sum, counters.score_sum, counters.loss_count, counters.evaluated = 0.0, 0.0, 0, True
        others = {key: value for key, value in figures.items() if key not in ("examples", "loss", headline)}
        self.record.log("evaluate", point | others)
        job.advance(0, f"validation {percent(figures[headline])}{collapsed}")

    def begin_decay(self) -> None:
        """Let the rate of an automatic training fall from here on, once it is time; its last step is then kept.

        At the peak rate a step is good or bad by chance, and on few rows the loss reflects confidence before accuracy.
        """
        counters = self.counters
        fitted = counters.curve[-1]["train_accuracy"] if counters.curve else None
        if counters.decay_began is None and self.schedule.decays(
            counters.step, waited=counters.waited, train_accuracy=fitted
        ):
            counters.decay_began = counters.step
            counters.best_value, counters.waited = None, 0
            self.record.log("decay", {"steps": self.schedule.end(counters.step) - counters.step})

    def is_last(self) -> bool:
        """Whether the training ends after the present step: at its last step, or out of patience."""
        counters, schedule = self.counters, self.schedule
        patience = None if schedule.automatic else schedule.patience
        return counters.step == schedule.end(counters.decay_began) or (
            patience is not None and counters.waited >= patience
        )

    def take_best(self) -> None:
        """Put the best step's values into the model, and write its logits by the plain pass: a reload must equal them.

        Raises: Stopped.
        """
        folder, step = self.job.folder.checkpoints, self.counters.best_step
        assert step is not None
        checkpoints.load_best(folder, step, trainable_parameters(self.model))
        if self.job.inference != "plain":
            with self.record.timed("evaluate"):
                checkpoints.save_plain(folder, step, self._logits("plain"))

    def _logits(self, precision: Precision) -> npt.NDArray[np.float32]:
        job, done = self.job, 0

        def advance(count: int) -> None:
            nonlocal done
            self.record.stop_if_signalled()
            done += count
            job.advance(0, f"validating {done:,} of {len(job.validation.labels):,} texts")

        return validation_logits(
            self.model,
            job.validation,
            precision=precision,
            pad_id=job.pad_id,
            budget=job.evaluation_budget,
            advance=advance,
        )

    def _collapse_note(self, logits: npt.NDArray[np.float32]) -> str:
        """A note for the progress if one class takes nearly all answers, which is logged; else "".

        The row gets no warning: a later step may learn, and the verdict looks at the step that is kept.
        """
        collapsed = collapse(self.job.task.answers(logits), self.job.validation.labels)
        if collapsed is None:
            return ""
        name = self.job.classes[collapsed.label]
        self.record.log("alarm", {"class": name, "share": collapsed.share, "true_share": collapsed.true_share})
        return f", {percent(collapsed.share, 0)} of the answers are {name!r}"
