"""A reloaded artefact that labels texts; and the plain pass, `logits`, by which it was proven."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.utils.rnn import pad_sequence

from finetooth.data import frames
from finetooth.errors import DataError
from finetooth.measure.decisions import Decided, Decision
from finetooth.model.agreement import Measured
from finetooth.model.ahead import Ahead
from finetooth.model.batching import (
    INFERENCE_WINDOW,
    Rows,
    Tokens,
    Truncation,
    collate,
    evaluation_batches,
    tokenize,
)
from finetooth.model.packed_inference import InferencePass
from finetooth.model.prefix import PrefixCache, entered
from finetooth.runs.plan_file import Precision

EVALUATION_BUDGET = 4096


class Prediction(TypedDict):
    """The label of a text, its calibrated probability (0 to 1), and those of all labels.

    abstained: only of an artefact that may abstain; where it does, the label is None and the probability that of the
    label it would have given.
    """

    label: str | None
    probability: float
    probabilities: dict[str, float]
    abstained: NotRequired[bool]


@dataclass(frozen=True, slots=True)
class Input:
    """How a text becomes tokens: the same in tuning, proof and prediction."""

    max_tokens: int
    truncation: Truncation
    pairs: bool


def logits(
    model: Any,
    tokens: Tokens,
    *,
    pad_id: int,
    budget: int = EVALUATION_BUDGET,
    states: PrefixCache | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> npt.NDArray[np.float32]:
    """Logits (N, C) float32 of every row of `tokens` by the model's own pass, under the plan of evaluation_batches.

    states: what the first layers compute, known for whole micro-batches of the same plan; the logits are the same.
    The model is put in eval mode for it and back after. advance is called after each micro-batch with its rows; what
    it raises ends the work.
    """
    training = model.training
    model.eval()
    found: npt.NDArray[np.float32] | None = None
    try:
        with torch.inference_mode(), entered(model, states.depth) if states else nullcontext() as entry:
            for rows in evaluation_batches(tokens.lengths, budget):
                if states is not None and entry is not None:
                    entry.given = _known(states, tokens, rows)
                part = model(**collate(tokens, rows, pad_id=pad_id)).logits.float().numpy()
                if found is None:
                    found = np.empty((len(tokens.lengths), part.shape[1]), np.float32)
                found[rows] = part
                advance(len(rows))
    finally:
        model.train(training)
    return np.empty((0, model.config.num_labels), np.float32) if found is None else found


def _known(states: PrefixCache, tokens: Tokens, rows: Rows) -> torch.Tensor | None:
    """The states of a micro-batch, padded with zeros, (B, L, H); None unless all are known."""
    if not states.holds(rows).all():
        return None
    return pad_sequence(list(torch.split(states.read(rows), tokens.lengths[rows].tolist())), batch_first=True)


@dataclass(frozen=True, slots=True)
class Predictor:
    """A reloaded artefact, ready to label texts.

    classes: label names in the order of the logits. name: what it was loaded from. decision: how logits become answers.
    columns: the columns (text, text_pair) that held the texts in training, for a DataFrame; empty where not known.
    measured: what was measured of the inference pass. inference: the pass that computes texts; None: the plain one.
    moved: whether it was measured on another machine or set-up.
    """

    model: Any
    tokenizer: Any
    classes: tuple[str, ...]
    input: Input
    name: str
    decision: Decision = field(default_factory=Decision)
    columns: Mapping[str, str] = field(default_factory=dict)
    measured: Measured = field(default_factory=Measured)
    inference: InferencePass | None = None
    moved: bool = False

    @property
    def precision(self) -> Precision:
        """How texts are computed: `plain`, or by the inference pass in `float32` or `bfloat16`."""
        return "plain" if self.inference is None else self.inference.precision

    def tokenize(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        advance: Callable[[int], None] = lambda count: None,
    ) -> Tokens:
        """Tokens of texts, or of texts and their pairs, as in training.

        advance: called with the number of texts done since the call before; what it raises ends the work.
        Raises: DataError if pairs are given to a model of single texts, or missing for a model of pairs.
        """
        if self.input.pairs != (pairs is not None):
            pair = "pairs of texts; give predict first and second texts, predict(firsts, seconds)"
            needed = pair if self.input.pairs else "single texts; leave the second texts out"
            raise DataError(f"{self.name} was trained on {needed}.")
        return tokenize(
            self.tokenizer,
            texts,
            pairs,
            max_tokens=self.input.max_tokens,
            truncation=self.input.truncation,
            advance=advance,
        )

    def logits(
        self,
        tokens: Tokens,
        *,
        budget: int = EVALUATION_BUDGET,
        states: PrefixCache | None = None,
        advance: Callable[[int], None] = lambda count: None,
    ) -> npt.NDArray[np.float32]:
        """Logits (N, C) float32 of every row of `tokens` by the plain pass, before the decision of the adapter.

        tokens: as tokenize gives them. budget: tokens of a micro-batch. states, advance: as in the function `logits`.
        """
        pad_id = self.tokenizer.pad_token_id
        return logits(self.model, tokens, pad_id=pad_id, budget=budget, states=states, advance=advance)

    def infer(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        advance: Callable[[int], None] = lambda count: None,
    ) -> npt.NDArray[np.float32]:
        """Logits (N, C) float32 of texts by the pass of `precision`; of many, tokenized while others are computed.

        pairs: the second texts, of a model of pairs. advance: called with the number of texts done since the call
        before. Raises: DataError, as tokenize.
        """
        if self.inference is None:
            return self.logits(self.tokenize(texts, pairs), advance=advance)
        if len(texts) <= INFERENCE_WINDOW:
            return self.inference.logits(self.tokenize(texts, pairs), advance=advance)

        def windows(check: Callable[[int], None]) -> Iterator[Tokens]:
            for start in range(0, len(texts), INFERENCE_WINDOW):
                part = slice(start, start + INFERENCE_WINDOW)
                yield self.tokenize(texts[part], None if pairs is None else pairs[part], advance=check)

        with closing(Ahead(windows)) as tokens:
            return self.inference.logits_of_windows(tokens, count=len(texts), advance=advance, stop=tokens.close)

    def predict(
        self,
        texts: Any,
        pairs: Any = None,
        *,
        advance: Callable[[int], None] = lambda count: None,
    ) -> list[Prediction]:
        """The label and the probabilities of each text, in the order of the texts, by the decision of the adapter.

        texts: a list, tuple, generator, array or Series of str; or a DataFrame (pandas, polars), of which the column is
        read that held the texts in training. pairs: the second texts, of a model of pairs; of a DataFrame found too.
        advance: called with the number of texts done since the call before.
        Raises: TypeError for one bare str, a mapping, a set, or a value that is not a str, with its index; DataError
        for a DataFrame without that column, and where second texts are missing, not wanted, or not as many.
        """
        return self.predictions(self.decide(texts, pairs, advance=advance))

    def decide(
        self,
        texts: Any,
        pairs: Any = None,
        *,
        advance: Callable[[int], None] = lambda count: None,
    ) -> Decided:
        """The same as arrays, which take a fraction of the memory where there are many texts and classes.

        texts, pairs, advance, Raises: as predict.
        """
        firsts, seconds = self._texts(texts, pairs)
        return self.decision.apply(self.infer(firsts, seconds, advance=advance))

    def _texts(self, texts: Any, pairs: Any) -> tuple[list[str], list[str] | None]:
        """First and second texts as lists."""
        paired = self.input.pairs
        if paired and pairs is None and frames.is_table(texts):
            pairs = texts
        firsts = frames.texts_of(texts, column=self.columns.get("text"), paired=paired)
        if pairs is None:
            return firsts, None
        seconds = frames.texts_of(pairs, what="pairs", column=self.columns.get("text_pair"), paired=paired)
        if len(seconds) != len(firsts):
            counts = f"{len(firsts):,} texts but {len(seconds):,} second text{'s' * (len(seconds) != 1)}"
            raise DataError(f"{counts}: give one second text for each text.")
        return firsts, seconds

    def predictions(self, decided: Decided) -> list[Prediction]:
        """What was decided, with the names of the labels."""
        rows = zip(decided.labels.tolist(), decided.probabilities, decided.abstained.tolist(), strict=True)
        return [self._prediction(label, row, abstained=abstained) for label, row, abstained in rows]

    def _prediction(self, label: int, row: npt.NDArray[np.float64], *, abstained: bool) -> Prediction:
        found: Prediction = {
            "label": None if abstained else self.classes[label],
            "probability": float(row[label]),
            "probabilities": dict(zip(self.classes, row.tolist(), strict=True)),
        }
        return found if self.decision.abstention is None else {**found, "abstained": abstained}
