"""plan.json: everything besides the recipe that a run depends on, resolved once and used by all its processes."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter, ValidationError

from finetooth.errors import RunError
from finetooth.files import read_hashed_json, write_hashed_json
from finetooth.runs.layout import RunFolder
from finetooth.wording import short

if TYPE_CHECKING:  # tasks import numpy, which `show --json` does not need
    from finetooth.tasks import Task

# How logits are computed: by the model's own pass, padded, in float32; or by the inference pass in a number format.
Precision = Literal["plain", "float32", "bfloat16"]

_EXACT: Any = {"extra": "forbid", "strict": True}  # for pydantic: no unknown key, no conversion between types
FROZEN = "then"  # the key in `frozen_layer_states` of the states of layers that are frozen during training (`then`)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLengths:
    """How long the texts of a split are, in tokens, and the shares of rows and tokens that are cut, 0 to 1.

    longest_whole: before it is cut. texts: how many were measured.
    """

    __pydantic_config__ = _EXACT

    mean: float
    median: float
    longest_whole: int
    texts: int
    rows_cut: float
    tokens_cut: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BasePlan:
    """A base model by its content. id: of its source, never a local path. sha256: of the staged folder.

    head: "checkpoint" if the head came with the checkpoint, "new" if it is random. layers: of the encoder. width: of
    its hidden states.
    """

    __pydantic_config__ = _EXACT

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

    __pydantic_config__ = _EXACT

    base: BasePlan
    tokens: Mapping[str, TextLengths]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan:
    """What is resolved if rows need the recipe's model.

    token_budget: most tokens in a micro-batch of training. tokens: the lengths of the texts, by split. precision: the
    number format of matrix products in training without padding; float32 if every row is trained with padding.
    """

    __pydantic_config__ = _EXACT

    base: BasePlan
    token_budget: int
    tokens: Mapping[str, TextLengths]
    precision: Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePlan:
    """How a candidate, or full, is trained. targets: the names of the modules that are adapted.

    fallback_reason: why it is trained with padding, which is slower; None if it is not. depth: the number of encoder
    layers below the first adapted one, whose hidden states can be cached; 0 if they change or if there are none.
    frozen_depth: the number of encoder layers, from below, that are frozen after an epoch (`then`); 0: none.
    """

    __pydantic_config__ = _EXACT

    targets: tuple[str, ...]
    fallback_reason: str | None
    depth: int
    frozen_depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStates:
    """The hidden states of a split that are cached on the disk: how many of its first blocks, and their bytes."""

    __pydantic_config__ = _EXACT

    blocks: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything besides the recipe that decides the results of a run.

    run_id: empty without a run. task: its name. inexact: what of `device` had changed when the run was resumed.
    device: what the last bit depends on (finetooth.models.device). counts: rows by split. pairs: whether texts come in
    pairs. evaluation_budget: tokens of a micro-batch of the plain pass. exact: no row is computed by the inference
    pass. inference: how the logits of test rows are computed. model: None if no row needs the recipe's model.
    other_bases, candidates: by the name of the row; candidates include full. frozen_layer_states: the cached hidden
    states, by depth and split, and under FROZEN by row. files: SHA-256 of the files that follow from recipe and data.
    """

    __pydantic_config__ = _EXACT

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
    model: ModelPlan | None = None
    other_bases: Mapping[str, OtherBase] = field(default_factory=dict)
    candidates: Mapping[str, CandidatePlan] = field(default_factory=dict)
    frozen_layer_states: Mapping[str, Mapping[str, KeptStates]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def of_task(self) -> "Task":
        """What the labels of the run are."""
        from finetooth.tasks import TASKS

        return TASKS[self.task]

    def of_model(self) -> ModelPlan:
        """What is resolved for rows that need the recipe's model; only for such a row."""
        assert self.model is not None
        return self.model

    def base_of(self, row: str) -> BasePlan:
        """The base that a row with a model reads: the recipe's, or its own if it is the probe of another model."""
        other = self.other_bases.get(row)
        return self.of_model().base if other is None else other.base

    def lengths_for(self, row: str) -> Mapping[str, TextLengths]:
        """The lengths of the texts in the tokens that a row with a model reads, by split."""
        other = self.other_bases.get(row)
        return self.of_model().tokens if other is None else other.tokens

    def kept_states(self, depth: int) -> Mapping[str, KeptStates]:
        """The cached hidden states at the entry of layer `depth`, by split."""
        return self.frozen_layer_states.get(str(depth), {})

    def kept_frozen(self) -> Mapping[str, KeptStates]:
        """The cached hidden states of the training rows for layers frozen during training, by the name of the row."""
        return self.frozen_layer_states.get(FROZEN, {})

    def as_json(self) -> dict[str, Any]:
        """The plan as in plan.json, where the fields of `model`, and of each `base`, are keys of what contains it."""
        value: dict[str, Any] = _adapter().dump_python(self, mode="json")
        for other in value["other_bases"].values():
            other |= other.pop("base")
        return value | (value.pop("model") or {})


def read(folder: RunFolder) -> Plan:
    """The plan of a run.

    Raises: RunError if it was changed after it was written, naming its first key that is missing, unknown or wrong.
    """
    try:
        value = read_hashed_json(folder.plan)
    except RunError as error:
        raise RunError(
            f"{folder.plan}: was changed after it was written, so it is not known which recipe and data the rows here "
            "belong to. Take it from a backup, or begin another run with --out."
        ) from error
    _refuse_nested(folder, value)
    value, others = _nested(value, "model", ModelPlan), value.get("other_bases")
    if isinstance(others, dict):
        value["other_bases"] = {row: _nested(other, "base", BasePlan) for row, other in others.items()}
    try:
        return _adapter().validate_json(json.dumps(value))
    except ValidationError as error:
        raise _refusal(folder, _problem(error.errors(include_url=False)[0])) from error


@functools.cache
def _adapter() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


def _nested(value: Any, name: str, kind: type) -> Any:
    """A JSON object, with the keys that are fields of `kind` moved into an object of their own under `name`."""
    if not isinstance(value, dict):
        return value
    names = {one.name for one in fields(kind)} & value.keys()
    rest = {key: inner for key, inner in value.items() if key not in names}
    return rest | {name: {key: value[key] for key in names}} if names else rest


def _refuse_nested(folder: RunFolder, value: Mapping[str, Any]) -> None:
    """Check that the fields of `model`, and of each `base` of other_bases, are not in an object of their own.

    Raises: RunError naming the key of the first such object.
    """
    others = value.get("other_bases")
    keys = ["model"] if "model" in value else []
    for row, other in others.items() if isinstance(others, dict) else ():
        keys += [f"other_bases.{row}.base"] if isinstance(other, dict) and "base" in other else []
    if keys:
        raise _refusal(folder, f"{keys[0]} is an unknown key")


def _refusal(folder: RunFolder, problem: str) -> RunError:
    return RunError(
        f"{folder.plan}: {problem}. It was changed, or it was written by an earlier version. Take it from a backup, or "
        "begin another run with --out DIR."
    )


def _problem(fault: Mapping[str, Any]) -> str:
    """An error of pydantic in a sentence, with the key as in plan.json."""
    keys = [str(part) for part in fault["loc"]]
    message = f"{fault['msg'][:1].lower()}{fault['msg'][1:]}"
    if not keys:
        return message
    nested = 0 if keys[0] == "model" else 2 if keys[0] == "other_bases" and keys[2:3] == ["base"] else None
    key = ".".join(part for at, part in enumerate(keys) if at != nested)
    if fault["type"] == "missing":
        return f"{key} is missing"
    if fault["type"] == "unexpected_keyword_argument":
        return f"{key} is an unknown key"
    return f"{key} is {short(fault['input'])}: {message}"


def write(folder: RunFolder, plan: Plan) -> None:
    """Write the plan into the folder of its run."""
    write_hashed_json(folder.plan, plan.as_json())
