"""The kinds of rows that a table can hold, one record each: what is true of all rows of a kind.

What a kind does (fit, score) is in finetooth.rows, one file each, below the torch line. Nothing else tests a row by
its name: a new kind is a record here and a file there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Role = Literal["baseline", "reference", "candidate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKind:
    """What is true of every row of a kind.

    name: the name of its row. Where a table can hold several rows of the kind, their names begin with it; may be empty.
    role: a candidate is judged; a candidate must beat a baseline; a reference is shown beside the verdict (ADR 12).
    seeds: which seeds of the recipe make a row each: none of them (no seed changes the row), the first, or all.
    needs_model: a pre-trained model makes the row. own_model: that model is not the recipe's.
    fitted: the row learns from the texts of the training rows. trained: it does so in the training loop, which leaves a
    curve, checkpoints, and logits that a reload is compared with.
    saved_in: the folder of the row that holds what was fitted. if_not_finite: what to do about a loss or an output that
    is not finite, as the end of a message.
    """

    name: str
    role: Role
    seeds: Literal["none", "first", "each"]
    needs_model: bool
    own_model: bool = False
    fitted: bool = True
    trained: bool = False
    saved_in: Literal["adapter", "baseline"]
    if_not_finite: str

    @property
    def contract_kind(self) -> Literal["baseline", "candidate"]:
        """The kind in results.json: everything except the candidates is a baseline there."""
        return "candidate" if self.role == "candidate" else "baseline"

    def seeds_of(self, seeds: Sequence[int]) -> Sequence[int | None]:
        """The seed of each of its rows, given the seeds of the recipe; None for a row that no seed changes."""
        return {"none": [None], "first": seeds[:1], "each": seeds}[self.seeds]


_ANOTHER_MODEL = "try another base model"
_DEFECT = "this is a defect of Finetooth"  # a baseline that reads texts has no setting that could be too high

MAJORITY = RowKind(
    name="majority",
    role="baseline",
    seeds="none",
    needs_model=False,
    fitted=False,
    saved_in="baseline",
    if_not_finite=_DEFECT,
)
ORIGINAL = RowKind(
    name="original",
    role="baseline",
    seeds="first",
    needs_model=True,
    fitted=False,
    saved_in="adapter",
    if_not_finite=_ANOTHER_MODEL,
)
TFIDF = RowKind(
    name="tfidf", role="baseline", seeds="none", needs_model=False, saved_in="baseline", if_not_finite=_DEFECT
)
NB_WORDS = replace(TFIDF, name="nb_words")
PROBE = RowKind(
    name="probe", role="baseline", seeds="none", needs_model=True, saved_in="baseline", if_not_finite=_ANOTHER_MODEL
)
OTHER_PROBE = replace(PROBE, name="probe-", own_model=True)
FULL = RowKind(
    name="full",
    role="reference",
    seeds="each",
    needs_model=True,
    trained=True,
    saved_in="adapter",
    if_not_finite="try a lower training.full_learning_rate",
)
CANDIDATE = RowKind(
    name="",
    role="candidate",
    seeds="each",
    needs_model=True,
    trained=True,
    saved_in="adapter",
    if_not_finite="try a lower training.learning_rate",
)

KINDS = (MAJORITY, ORIGINAL, TFIDF, NB_WORDS, PROBE, OTHER_PROBE, FULL, CANDIDATE)
_BY_NAME = {kind.name: kind for kind in KINDS}


def row_kind(row: str) -> RowKind:
    """The kind of the row of that name; a candidate's, if no other kind has the name."""
    return OTHER_PROBE if row.startswith(OTHER_PROBE.name) else _BY_NAME.get(row, CANDIDATE)
