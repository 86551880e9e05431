"""Everything that the training of one candidate needs."""

from collections.abc import Callable
from dataclasses import dataclass

from finetooth.models.batching import Tokens
from finetooth.models.frozen_layer_cache import FrozenLayerCache
from finetooth.recipe import Candidate, Training
from finetooth.row_kinds import CANDIDATE, FULL
from finetooth.runs.layout import RowFolder
from finetooth.runs.plan_file import Precision
from finetooth.tasks import DEFAULT, Targets, Task
from finetooth.training.freezing import Freezing
from finetooth.training.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Split:
    """Examples ready for the model.

    labels: targets of the task, one for each example. ids: N names of rows, file:row. states: the stored states of the
    layers below the adapter, or None.
    """

    ids: tuple[str, ...]
    tokens: Tokens
    labels: Targets
    states: FrozenLayerCache | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """One candidate with one seed, or full fine-tuning with one seed: then candidate is None.

    packed: whether it is trained without padding. precision: number format of the products, a name of
    finetooth.models.precision.DTYPES; with padding it is float32. The device is training.device.
    Three budgets of tokens: token_budget is the most that a training step computes at a time; reduced_budget replaces
    it after the system ended a process of the row because memory ran out (None: it did not); evaluation_budget is the
    most of a micro-batch of the plain pass, with padding, and never changes, since logits depend on it.
    inference: how the validation rows are computed where the model allows it; at the best step they are computed by
    the plain pass too. advance(steps, note) reports the progress, with 0 steps while it validates; stop() is the signal
    to obey, or None. freezing: of lower layers after an epoch, or None.
    """

    candidate: Candidate | None
    training: Training
    seed: int
    train: Split
    validation: Split
    classes: tuple[str, ...]
    task: Task = DEFAULT
    pad_id: int
    packed: bool
    token_budget: int
    evaluation_budget: int
    folder: RowFolder
    advance: Callable[[int, str], None] = lambda count, note: None
    stop: Callable[[], int | None] = lambda: None
    precision: str = "float32"
    inference: Precision = "plain"
    reduced_budget: int | None = None
    freezing: Freezing | None = None

    @property
    def if_not_finite(self) -> str:
        """What to do about a loss or a logit that is not finite, as the end of a message."""
        return (FULL if self.candidate is None else CANDIDATE).if_not_finite

    @property
    def schedule(self) -> Schedule:
        """The most steps of the training, and its rates."""
        return Schedule.of(self.training, len(self.train.labels))
