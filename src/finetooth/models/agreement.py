"""The gate of bfloat16: whether its labels and accuracy on the validation rows are those of the plain pass.

inference.json, in the folder of a saved adapter, contains the measurement from when the adapter was saved, so that an
adapter that was moved uses bfloat16 only if it passed (docs/adr/0016-one-fast-pass.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.evaluation.decisions import Decision
from finetooth.files import read_hashed_json, write_hashed_json
from finetooth.models.artifact_files import read_saved
from finetooth.runs.plan_file import Precision

INFERENCE = "inference.json"
MOST_FLIPPED = 0.003  # of the validation labels
MOST_ACCURACY_DIFFERENCE = 0.001
LARGEST = 1e30  # largest difference that is written to inference.json
LEAST_ROWS = 100  # the fewest validation rows to measure on; if no answer differs on fewer, that shows little


@dataclass(frozen=True, slots=True)
class Agreement:
    """What bfloat16 changed on the validation rows.

    flipped: how many of the `rows` have another answer than by the plain pass; to abstain is an answer too. accuracy,
    plain_accuracy: 0 to 1. largest_difference: of a logit, at most LARGEST; None if a logit is not finite. passed:
    False on fewer than LEAST_ROWS rows.
    """

    rows: int
    flipped: int
    accuracy: float
    plain_accuracy: float
    largest_difference: float | None
    passed: bool = field(init=False)

    def __post_init__(self) -> None:
        enough = self.rows >= LEAST_ROWS and self.largest_difference is not None
        near = abs(self.accuracy - self.plain_accuracy) <= MOST_ACCURACY_DIFFERENCE + 1e-12
        object.__setattr__(self, "passed", enough and near and self.flipped <= MOST_FLIPPED * self.rows)


def compare(
    plain: npt.NDArray[np.float32],
    bfloat16: npt.NDArray[np.float32],
    *,
    decision: Decision,
    truth: npt.NDArray[np.int64],
) -> Agreement:
    """The agreement of logits (N, C) of the validation rows by the plain pass and in bfloat16, under a decision.

    truth: (N,), the labels of the data.
    """
    of_plain = decision.apply(plain)
    plain_accuracy = float((of_plain.labels == truth).mean())
    if not np.isfinite(bfloat16).all():
        return Agreement(len(truth), len(truth), 0.0, plain_accuracy, None)
    rounded = decision.apply(bfloat16)
    return Agreement(
        rows=len(truth),
        flipped=int((of_plain.answers != rounded.answers).sum()),
        accuracy=float((rounded.labels == truth).mean()),
        plain_accuracy=plain_accuracy,
        largest_difference=min(LARGEST, float(np.abs(plain - bfloat16).max(initial=0.0))),
    )


def worst(agreements: Iterable[Agreement]) -> Agreement:
    """Of several heads on one encoder, the agreement of the head that bfloat16 changes most."""
    return max(agreements, key=lambda one: (not one.passed, one.flipped, abs(one.accuracy - one.plain_accuracy)))


@dataclass(frozen=True, slots=True)
class Measured:
    """How a saved model may be computed.

    fallback_reason: why the inference pass cannot compute it; None: it can. agreement: None if bfloat16 was not
    measured, as on a machine that is no faster in it.
    """

    fallback_reason: str | None = None
    agreement: Agreement | None = None

    def precision(self, preferred: Precision) -> Precision:
        """How to compute the model: as `preferred`, but bfloat16 only if it passed the gate, else float32."""
        if preferred == "plain" or self.fallback_reason is not None:
            return "plain"
        passed = self.agreement is not None and self.agreement.passed
        return "bfloat16" if preferred == "bfloat16" and passed else "float32"

    def described(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "schema": 1,
            "fallback_reason": self.fallback_reason,
            "bfloat16": None if self.agreement is None else asdict(self.agreement),
        }

    def save(self, folder: Path) -> None:
        """Write inference.json into `folder`."""
        write_hashed_json(folder / INFERENCE, self.described())

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "Measured":
        """The measurement that `described` made JSON of."""
        agreement = described["bfloat16"]
        values = None if agreement is None else {key: value for key, value in agreement.items() if key != "passed"}
        return cls(described["fallback_reason"], None if values is None else Agreement(**values))

    @classmethod
    def load(cls, folder: Path) -> "Measured":
        """The measurement in inference.json in `folder`.

        Raises: ModelError if there is none, or Finetooth does not write such content; RunError if it was changed.
        """
        read_saved(folder, INFERENCE)
        return cls.of(read_hashed_json(folder / INFERENCE))
