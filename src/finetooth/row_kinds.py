"""The kinds of rows that a table can hold, one record each: what of a kind is true of all its rows.

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

    name: of its row; of a kind that a table holds several of, what their names begin with, or empty.
    role: a candidate is judged; a baseline must be beaten by it; a reference is shown beside the verdict (ADR 12).
    seeds: which of the recipe's seeds make a row each: none of them (no seed changes the row), the first, or every one.
    needs_model: the row is made by a pre-trained model. own_model: by one of its own, not by that of the recipe.
    fitted: it learns from the texts of the training rows. trained: by the training loop, which leaves a curve,
    checkpoints and logits that a reload is compared with.
    saved_in: the folder of the row that holds what was fitted.
    """

    name: str
    role: Role
    seeds: Literal["none", "first", "each"]
    needs_model: bool
    own_model: bool = False
    fitted: bool = True
    trained: bool = False
    saved_in: Literal["adapter", "baseline"]

    @property
    def decides(self) -> bool:
        """Whether the recipe says how its logits become answers; else the largest logit is the answer."""
        return self.role == "candidate"

    @property
    def contract_kind(self) -> Literal["baseline", "candidate"]:
        """What results.json calls the kind: everything beside the candidates is a baseline there."""
        return "candidate" if self.role == "candidate" else "baseline"

    def seeds_of(self, seeds: Sequence[int]) -> Sequence[int | None]:
        """The seeds of its rows, out of the recipe's; None: one row that no seed changes."""
        return {"none": [None], "first": seeds[:1], "each": seeds}[self.seeds]


MAJORITY = RowKind(name="majority", role="baseline", seeds="none", needs_model=False, fitted=False, saved_in="baseline")
ORIGINAL = RowKind(name="original", role="baseline", seeds="first", needs_model=True, fitted=False, saved_in="adapter")
TFIDF = RowKind(name="tfidf", role="baseline", seeds="none", needs_model=False, saved_in="baseline")
PROBE = RowKind(name="probe", role="baseline", seeds="none", needs_model=True, saved_in="baseline")
OTHER_PROBE = replace(PROBE, name="probe-", own_model=True)
FULL = RowKind(name="full", role="reference", seeds="each", needs_model=True, trained=True, saved_in="adapter")
CANDIDATE = RowKind(name="", role="candidate", seeds="each", needs_model=True, trained=True, saved_in="adapter")

KINDS = (MAJORITY, ORIGINAL, TFIDF, PROBE, OTHER_PROBE, FULL, CANDIDATE)
_BY_NAME = {kind.name: kind for kind in KINDS}


def row_kind(row: str) -> RowKind:
    """The kind of the row of that name: a name that no other kind has is a candidate's."""
    return OTHER_PROBE if row.startswith(OTHER_PROBE.name) else _BY_NAME.get(row, CANDIDATE)
