"""plan.json: what a run is made of besides its recipe, resolved once, and obeyed by every process of the run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from finetooth.errors import RunError
from finetooth.files import read_hashed_json, write_hashed_json
from finetooth.runs.layout import RunFolder
from finetooth.runs.typed_json import INLINE, as_json, from_json

if TYPE_CHECKING:  # numpy is loaded where a task is asked for, which showing a run does not do
    from finetooth.tasks import Task

# How texts are computed: by the model's own pass, padded, in float32; or by the inference pass in a number format.
Precision = Literal["plain", "float32", "bfloat16"]

FROZEN = "then"  # the key of `frozen_layer_states` under which the states of layers frozen under way (`then`) stand


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLengths:
    """How long the texts of a split are, in tokens, and what of them is cut (shares, 0 to 1).

    longest_whole: before it is cut. texts: how many were looked at.
    """

    mean: float
    median: float
    longest_whole: int
    texts: int
    rows_cut: float
    tokens_cut: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BasePlan:
    """A base model by its content. id: of its source, never a local path. sha256: of the staged folder.

    head: "checkpoint" when the head came with the checkpoint, "new" when it is drawn. layers: of the encoder. width:
    of its hidden states.
    """

    id: str
    sha256: str
    weights_sha256: str
    tokenizer_sha256: str
    head: Literal["new", "checkpoint"]
    layers: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherBase:
    """The base of the probe of another model than the recipe's. tokens: the lengths of its texts, by split."""

    base: BasePlan = field(metadata=INLINE)
    tokens: Mapping[str, TextLengths]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan:
    """What is resolved where rows need the recipe's model.

    token_budget: most tokens computed at a time in training. tokens: the lengths of the texts, by split. precision:
    number format of the products of training without padding; float32 where every row is trained with padding.
    """

    base: BasePlan
    token_budget: int
    tokens: Mapping[str, TextLengths]
    precision: Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePlan:
    """How a candidate, or full, is trained. targets: the names of the modules that are adapted.

    fallback_reason: why it is trained with padding, which is slower; None: it is not. depth: encoder layers below the
    first adapted one, whose hidden states may be kept; 0 where they change or where there are none. frozen_depth: the
    encoder layers, from below, that are frozen after an epoch (`then`); 0: none.
    """

    targets: tuple[str, ...]
    fallback_reason: str | None
    depth: int
    frozen_depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStates:
    """The hidden states of a split that are kept on the disk: those of its first blocks, and their bytes."""

    blocks: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything besides the recipe that decides the results of a run.

    run_id: empty where the plan is of no run. task: its name. inexact: what of `device` had changed when the run was
    resumed all the same. device: what decides the last bit on this machine (finetooth.models.device). counts: rows by
    split. pairs: whether texts come in pairs. evaluation_budget: tokens of a micro-batch of the plain pass. exact: no
    row is computed by the inference pass. inference: how test rows are computed. model: None where no row needs the
    recipe's model. other_bases, candidates: by the name of the row; full is among the latter. frozen_layer_states: the
    hidden states kept of each depth and split, and under FROZEN of each row. files: SHA-256 of the files that follow
    from recipe and data.
    """

    schema: Literal[1] = 1
    run_id: str = ""
    inexact: tuple[str, ...] = ()
    device: Mapping[str, Any]
    data_fingerprint: str
    test_id: str
    test_rows_id: str
    task: str
    classes: tuple[str, ...]
    counts: Mapping[str, int]
    pairs: bool
    evaluation_budget: int
    exact: bool = False
    inference: Precision = "plain"
    model: ModelPlan | None = field(default=None, metadata=INLINE)
    other_bases: Mapping[str, OtherBase] = field(default_factory=dict)
    candidates: Mapping[str, CandidatePlan] = field(default_factory=dict)
    frozen_layer_states: Mapping[str, Mapping[str, KeptStates]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def of_task(self) -> "Task":
        """What the labels of the run are."""
        from finetooth.tasks import TASKS

        return TASKS[self.task]

    def of_model(self) -> ModelPlan:
        """What is resolved for rows that need the recipe's model; to be asked for such a row alone."""
        assert self.model is not None
        return self.model

    def base_of(self, row: str) -> BasePlan:
        """The base that a row with a model reads: its own where it is the probe of another model."""
        other = self.other_bases.get(row)
        return self.of_model().base if other is None else other.base

    def lengths_for(self, row: str) -> Mapping[str, TextLengths]:
        """The lengths of the texts in the tokens that a row with a model reads, by split."""
        other = self.other_bases.get(row)
        return self.of_model().tokens if other is None else other.tokens

    def kept_states(self, depth: int) -> Mapping[str, KeptStates]:
        """The hidden states that are kept at the entry of layer `depth`, by split."""
        return self.frozen_layer_states.get(str(depth), {})

    def kept_frozen(self) -> Mapping[str, KeptStates]:
        """The hidden states of the training rows that are kept of layers frozen under way, by the name of the row."""
        return self.frozen_layer_states.get(FROZEN, {})

    def as_json(self) -> dict[str, Any]:
        """The plan as plan.json holds it."""
        return as_json(self)


def read(folder: RunFolder) -> Plan:
    """The plan of a run.

    Raises: RunError when it is not as it was written.
    """
    try:
        value = read_hashed_json(folder.plan)
    except RunError as error:
        raise RunError(
            f"{folder.plan}: was changed after it was written, so it is not known which recipe and data the rows here "
            "belong to. "
            "Take it from a backup, or begin another run with --out."
        ) from error
    return from_json(Plan, value, where=str(folder.plan))


def write(folder: RunFolder, plan: Plan) -> None:
    """Put the plan into the folder of its run."""
    write_hashed_json(folder.plan, plan.as_json())
