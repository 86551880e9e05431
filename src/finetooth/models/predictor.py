"""Answers to texts by an engine and the decision of the adapter. Imports no torch."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NoReturn, NotRequired, TypedDict

import numpy as np
import numpy.typing as npt

from finetooth.data import frames
from finetooth.errors import DataError
from finetooth.evaluation.decisions import Decided, Decision
from finetooth.models.agreement import Measured
from finetooth.models.batching import INFERENCE_WINDOW, Input, Tokens
from finetooth.models.engine import Engine
from finetooth.models.streaming import logits_of, logits_of_windows
from finetooth.runs.plan_file import Precision

Texts = tuple[list[str], list[str] | None]  # first texts and, for a model of pairs, as many second texts


class Prediction(TypedDict):
    """The label of a text, its calibrated probability (0 to 1), and those of all labels.

    abstained: present only if the adapter may abstain; if it does, the label is None, and the probability is that of
    the label that it would have given.
    """

    label: str | None
    probability: float
    probabilities: dict[str, float]
    abstained: NotRequired[bool]


@dataclass(frozen=True, slots=True)
class Predictor:
    """A finished model, ready to label texts.

    engine: computes the logits. tokenizer: is only read. classes: label names in the order of the logits. name: what it
    was loaded from. decision: how logits become answers. columns: the columns of the texts (text, text_pair) in
    training, for a DataFrame; empty if not known. precision: how the engine computes, by the model's own pass (`plain`)
    or by the inference pass in `float32` or `bfloat16`. measured: whether the inference pass may be used.
    """

    engine: Engine
    tokenizer: Any
    classes: tuple[str, ...]
    input: Input
    name: str
    decision: Decision = field(default_factory=Decision)
    columns: Mapping[str, str] = field(default_factory=dict)
    precision: Precision = "plain"
    measured: Measured = field(default_factory=Measured)

    def infer(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        advance: Callable[[int], None] = lambda count: None,
    ) -> npt.NDArray[np.float32]:
        """Logits (N, C) float32 of texts, before the decision.

        pairs: the second texts, for a model of pairs. advance: called with the number of texts done since the last
        call; what it raises ends the work. Raises: DataError if pairs are given to a model of single texts, or missing
        for a model of pairs.
        """
        if len(texts) <= INFERENCE_WINDOW:  # without a thread, which would delay single texts
            tokens = self.input.tokenize(self.tokenizer, texts, pairs, name=self.name)
            return self.infer_tokens(tokens, advance=advance)
        self.input.check_pairs(pairs is not None, name=self.name)
        logits = np.empty((len(texts), self.engine.outputs), np.float32)
        end = 0
        for part in self._logits(_slices(list(texts), None if pairs is None else list(pairs)), advance):
            start, end = end, end + len(part)
            logits[start:end] = part
        return logits

    def infer_tokens(
        self, tokens: Tokens, *, advance: Callable[[int], None] = lambda count: None
    ) -> npt.NDArray[np.float32]:
        """Logits (N, C) float32 of texts, from their tokens. advance: as in infer."""
        return logits_of(self.engine, tokens, pad_id=self.tokenizer.pad_token_id, advance=advance)

    def stream(self, texts: Any, pairs: Any = None) -> Iterator[Prediction]:
        """The answers of predict, one after another as they are computed, in bounded memory.

        texts, pairs: as in predict; at most two windows of INFERENCE_WINDOW texts are read ahead of the answers.
        Raises: as predict, when the window of the text is read, which is before the answers to the previous window.
        """
        for logits in self._logits(self._windows(texts, pairs), lambda count: None):
            yield from self.predictions(self.decision.apply(logits))

    def predict(
        self,
        texts: Any,
        pairs: Any = None,
        *,
        advance: Callable[[int], None] = lambda count: None,
    ) -> list[Prediction]:
        """The label and the probabilities of each text, in the order of the texts, by the decision of the adapter.

        texts: a list, tuple, generator, array or Series of str; or a DataFrame (pandas, polars), whose column with the
        name of the text column in training is read. pairs: the second texts, for a model of pairs; in a DataFrame, they
        are found too. advance: called with the number of texts done since the last call.
        Raises: TypeError for one bare str, a mapping, a set, or a value that is not a str, with its index; DataError
        for a DataFrame without that column, and if second texts are missing, not wanted, or not as many.
        """
        return self.predictions(self.decide(texts, pairs, advance=advance))

    def decide(
        self,
        texts: Any,
        pairs: Any = None,
        *,
        advance: Callable[[int], None] = lambda count: None,
    ) -> Decided:
        """The answers of predict as arrays, which use a fraction of the memory for many texts and classes.

        texts, pairs, advance, Raises: as in predict.
        """
        firsts, seconds = self._texts(texts, pairs)
        return self.decision.apply(self.infer(firsts, seconds, advance=advance))

    def _logits(self, windows: Iterator[Texts], advance: Callable[[int], None]) -> Iterator[npt.NDArray[np.float32]]:
        """The logits of each window of texts."""

        def tokenize(window: Texts) -> Tokens:
            return self.input.tokenize(self.tokenizer, *window, name=self.name)

        pad_id = self.tokenizer.pad_token_id
        return logits_of_windows(self.engine, windows, tokenize, pad_id=pad_id, advance=advance)

    def _windows(self, texts: Any, pairs: Any) -> Iterator[Texts]:
        """Texts of any form in windows; each is read from its source when it is needed."""
        if frames.is_table(texts) or frames.is_table(pairs):
            yield from _slices(*self._texts(texts, pairs))
            return
        self.input.check_pairs(pairs is not None, name=self.name)
        first_source = frames.items_of(texts)
        second_source = None if pairs is None else frames.items_of(pairs, what="pairs")
        start = 0
        while True:
            firsts = self._next(first_source, start, what="texts")
            seconds = None if second_source is None else self._next(second_source, start, what="pairs")
            if seconds is not None and len(seconds) != len(firsts):
                _refuse_counts(start + len(firsts), start + len(seconds))
            if not firsts:
                return
            yield firsts, seconds
            start += len(firsts)

    def _next(self, source: Iterator[Any], start: int, *, what: str) -> list[str]:
        window = list(islice(source, INFERENCE_WINDOW))
        return frames.texts_of(window, what=what, paired=self.input.pairs, start=start)

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
            _refuse_counts(len(firsts), len(seconds))
        return firsts, seconds

    def predictions(self, decided: Decided) -> list[Prediction]:
        """What was decided, with the names of the labels."""
        answers: list[Prediction] = []
        rows = zip(decided.labels.tolist(), decided.probabilities, decided.abstained.tolist(), strict=True)
        for label, probabilities, abstained in rows:
            answer: Prediction = {
                "label": None if abstained else self.classes[label],
                "probability": float(probabilities[label]),
                "probabilities": dict(zip(self.classes, probabilities.tolist(), strict=True)),
            }
            if self.decision.abstention is not None:
                answer["abstained"] = abstained
            answers.append(answer)
        return answers


def _slices(firsts: list[str], seconds: list[str] | None) -> Iterator[Texts]:
    for start in range(0, len(firsts), INFERENCE_WINDOW):
        window = slice(start, start + INFERENCE_WINDOW)
        yield firsts[window], None if seconds is None else seconds[window]


def _refuse_counts(firsts: int, seconds: int) -> NoReturn:
    counts = f"{firsts:,} texts but {seconds:,} second text{'s' * (seconds != 1)}"
    raise DataError(f"{counts}: give one second text for each text.")
