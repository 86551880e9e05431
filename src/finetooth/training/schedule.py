"""How long a candidate is trained: a number of epochs, or until the validation rows show that it has learned.

With `epochs: auto` the rate stays at its peak until validation stops improving or training rows are fitted, and then
falls. The step and the evaluations so far, which are on disk, decide this: a resumed training decides the same.
Source: Hu et al. 2024 (MiniCPM, arXiv 2404.06395), section 4: warm-up, constant rate, decay.
"""

import math
from dataclasses import dataclass

from finetooth.evaluation.learning import ROWS_FITTED
from finetooth.recipe import Training

# Of `epochs: auto`, in optimizer steps; measured in docs/experiments.md.
LEAST_STEPS = 200  # before the decay
MOST_STEPS, MOST_EPOCHS = 2_000, 30  # including the decay; whichever is reached first
LARGE_EPOCHS = 3  # so many epochs may take more than MOST_STEPS
INTERVAL_STEPS = 50  # between evaluations, rounded up to whole epochs
PATIENCE_STEPS = 150  # without a better evaluation
DECAY_SHARE = 0.5  # of the steps before it


@dataclass(frozen=True, slots=True)
class Schedule:
    """The plan of a training before its first step, in optimizer steps.

    most: the most steps; unless automatic, all of them are taken. typical: the number that estimates and the warm-up
    assume: all steps, or for an automatic training the fewest that it takes unless it fits its rows earlier. interval:
    between evaluations. patience: after so many evaluations without a better one the training ends, or the rate of an
    automatic one falls; None: never.
    """

    automatic: bool
    steps_per_epoch: int
    most: int
    typical: int
    warmup: int
    interval: int
    patience: int | None
    shape: str

    @classmethod
    def of(cls, training: Training, rows: int) -> "Schedule":
        """The schedule of a training on so many rows; the last batch of an epoch may be smaller."""
        per_epoch = math.ceil(rows / training.batch_size)
        automatic = training.epochs == "auto"
        evaluation_epochs = math.ceil(INTERVAL_STEPS / per_epoch) if automatic else 1
        every = training.evaluate_every
        interval, patience = every if isinstance(every, int) else evaluation_epochs * per_epoch, training.patience
        if training.epochs == "auto":
            most = max(min(MOST_STEPS, MOST_EPOCHS * per_epoch), LARGE_EPOCHS * per_epoch)
            patience = patience or math.ceil(PATIENCE_STEPS / interval)
            evaluations = max(1 + patience, math.ceil(LEAST_STEPS / interval))  # the first one is the best so far
            typical = min(most, math.ceil((1 + DECAY_SHARE) * evaluations * interval))
        else:
            most = typical = training.epochs * per_epoch
        warmup = math.ceil(training.warmup_fraction * typical)
        return cls(automatic, per_epoch, most, typical, warmup, interval, patience, training.schedule)

    @property
    def latest(self) -> int:
        """The step after which the decay of an automatic training begins at the latest."""
        return max(1, math.floor(self.most / (1 + DECAY_SHARE)))

    @property
    def freezes_after(self) -> int:
        """The step after which lower layers are frozen (`then`): one epoch; automatic: whole epochs of LEAST_STEPS."""
        epochs = math.ceil(LEAST_STEPS / self.steps_per_epoch) if self.automatic else 1
        return epochs * self.steps_per_epoch

    def end(self, decay_began: int | None) -> int:
        """The last step; for an automatic training before its decay, the last possible one."""
        if not self.automatic or decay_began is None:
            return self.most
        return min(self.most, decay_began + math.ceil(DECAY_SHARE * decay_began))

    def decays(self, step: int, *, waited: int, train_accuracy: float | None) -> bool:
        """Whether the rate of an automatic training falls after `step`.

        waited: evaluations since the best one. train_accuracy: 0 to 1, of the steps before the last evaluation.
        """
        if not self.automatic:
            return False
        assert self.patience is not None
        enough = waited >= self.patience or (train_accuracy or 0.0) >= ROWS_FITTED
        return step >= self.latest or (step >= LEAST_STEPS and enough)

    def evaluated_at(self, step: int, decay_began: int | None) -> bool:
        """Whether the validation rows are scored after `step`.

        In a decay only its last step is scored. The decay makes that step better than the steps at the peak rate, which
        are good or bad by chance.
        """
        if self.automatic and decay_began is not None and step > decay_began:
            return step == self.end(decay_began)
        return step % self.interval == 0 or step == self.end(decay_began)

    def rate_factor(self, step: int, decay_began: int | None) -> float:
        """Factor of the peak learning rate, 0 to 1, for the update after `step` finished ones.

        It rises linearly from 0 in the warm-up. Then, in an automatic training only in the decay, linear and cosine
        fall to 0 at the end.
        """
        if step < self.warmup:
            return step / self.warmup
        falls_from = decay_began if self.automatic else self.warmup
        if self.shape == "constant" or falls_from is None:
            return 1.0
        done = (step - falls_from) / max(1, self.end(decay_began) - falls_from)
        return 1.0 - done if self.shape == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))

    @property
    def evaluations(self) -> int:
        """The number of evaluations in a training of typical length."""
        return math.ceil(self.typical / self.interval)
