"""A linear classifier of texts by their terms, as it is saved: what the baselines tfidf and nb_words become."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load as load_tensors

from finetooth.baselines import choosing, fitted
from finetooth.baselines.choosing import Trial
from finetooth.baselines.logistic import logits_in_blocks, warnings_of
from finetooth.baselines.text_features import Terms, joined, side_by_side
from finetooth.errors import DataError
from finetooth.files import read_json

MOST_WEIGHTS = 2**23  # classes x terms: the solver holds about 20 such float64 arrays, 1.3 GB


def most_terms(labels: npt.NDArray[np.int64]) -> int | None:
    """How many terms are kept for these labels; None: all, since two classes have one row of weights."""
    present = len(np.unique(labels))
    return MOST_WEIGHTS // present if present > 2 else None


@dataclass(frozen=True, slots=True)
class Linear:
    """weights: (C, V) float32; bias: (C,) float32; log_floor: (C,) float32; converged: whether the solver did.

    log_floor: log-probability of the classes that train does not hold, 0 elsewhere. one_vs_rest: a score is the
    log-odds of one class against all others, and the probabilities are scaled to sum to 1; otherwise softmax.
    """

    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    log_floor: npt.NDArray[np.float32]
    converged: bool
    one_vs_rest: bool = False

    def logits(self, rows: Any) -> npt.NDArray[np.float32]:
        """Log-probabilities (N, C) float32 of sparse rows (N, V)."""
        weights = np.ascontiguousarray(self.weights.T, np.float64)

        def scores(block: slice) -> npt.NDArray[np.float64]:
            values = np.asarray(rows[block] @ weights + self.bias.astype(np.float64))
            return -np.logaddexp(0.0, -values) if self.one_vs_rest else values

        return logits_in_blocks(rows.shape[0], scores, self.log_floor)


@dataclass(frozen=True, slots=True)
class TextRegression:
    """The classifier that was best on the validation rows.

    terms: of each sort that it reads, in the order of its weights. of_pairs: fitted on pairs of texts. chosen, tried:
    the settings that are used, and all that were measured on the validation rows.
    """

    kind: str
    terms: tuple[Terms, ...]
    linear: Linear
    of_pairs: bool
    chosen: Trial
    tried: tuple[Trial, ...]

    @classmethod
    def load(cls, folder: Path) -> "TextRegression":
        """The baseline saved at `folder`, which was checked before."""
        settings = read_json(folder / fitted.SETTINGS)
        tensors = load_tensors((folder / fitted.WEIGHTS).read_bytes())
        terms = tuple(
            Terms(tuple(names), tensors.pop(f"idf.{sort}", None), are_characters=sort == "characters")
            for sort, names in read_json(folder / "vocabulary.json").items()
        )
        chosen, tried = choosing.read(settings)
        return cls(
            kind=settings["kind"],
            terms=terms,
            linear=Linear(**tensors, converged=chosen.converged, one_vs_rest=settings["one_vs_rest"]),
            of_pairs=settings["of_pairs"],
            chosen=chosen,
            tried=tried,
        )

    @property
    def settings_tried(self) -> int:
        """How many settings were measured on the validation rows."""
        return len(self.tried)

    @property
    def warnings(self) -> list[str]:
        """A warning if the solver did not converge."""
        return warnings_of(self.linear.converged)

    def save(self, folder: Path) -> None:
        """Make `folder`. Raises: RunError if it exists."""
        settings = {
            "kind": self.kind,
            "of_pairs": self.of_pairs,
            "one_vs_rest": self.linear.one_vs_rest,
            **choosing.described(self.chosen, self.tried),
        }
        tensors = {name: getattr(self.linear, name) for name in ("weights", "bias", "log_floor")}
        tensors |= {f"idf.{one.sort}": one.idf for one in self.terms if one.idf is not None}
        vocabulary = {one.sort: list(one.names) for one in self.terms}
        fitted.save(folder, settings, tensors=tensors, files={"vocabulary.json": vocabulary})

    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> npt.NDArray[np.float32]:
        """Log-probabilities (N, C) float32 of each text.

        Raises: DataError if it was fitted on pairs of texts and given single ones, or the reverse.
        """
        if self.of_pairs != (pairs is not None):
            fitted_on, received = (
                ("pairs of texts", "single texts") if self.of_pairs else ("single texts", "pairs of texts")
            )
            raise DataError(f"the {self.kind} baseline was fitted on {fitted_on} and is given {received}.")
        inputs = joined(texts, pairs)
        return self.linear.logits(side_by_side([one.transform(inputs) for one in self.terms]))
