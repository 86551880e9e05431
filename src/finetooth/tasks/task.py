"""The contract of a task: what a label is, which loss is minimised, how logits become answers, and their metrics.

Nothing here computes with a model; numpy only. N examples, C outputs of the model (docs/shapes.md).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from finetooth.tasks.metric import Logits, Metric, Outputs, Targets


class Labels(Protocol):
    """The labels, as the training rows and the recipe determine them."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in their order; empty for a task without classes."""

    @property
    def first_number(self) -> int | None:
        """The number of the first class in files that hold numbers for declared names; else None."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about how labels were read, a sentence each."""

    def encode(self, names: Sequence[str]) -> Targets:
        """The target of every name, along the first axis; Task.unknown finds the names that are no label."""


class Resolve(Protocol):
    """How names of labels become Labels."""

    def __call__(
        self, names: Collection[str], *, declared: Sequence[str] | None, least: int = 2, first_number: int | None = None
    ) -> Labels:
        """The labels that `names`, the distinct names of the training rows, make.

        declared: the classes that the recipe names. least: how many classes the rows must hold. first_number: as in
        Labels, if it is known from the rows of a run.
        Raises: RecipeError for what is declared, DataError for what the rows hold.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One kind of labels, and how data, training and evaluation use it.

    name: as recipes, plans and messages name it.
    loss: name of the loss that training minimises, in finetooth.training.loss. metrics: the figures of the answers; the
    first is the headline metric, by which rows are compared.
    parse: from the value in a file to the name of its label; ValueError saying what is wrong (`is missing`), to follow
    the word "label". A name parses to itself.
    resolve: from names to Labels. unknown: (N,) bool, which targets are of names that are no label.
    names: the name of each target, given the classes.
    outputs: how many outputs the model has, given the classes.
    answers: one for each row of logits (N, C), in the form of targets; DivergedError if a logit is not finite.
    probabilities: from logits and a temperature to (N, C) float64, 0 to 1; None for a task that has none.
    strata: (N,) int64, 0 and up, by which splits are divided in proportion; targets of one stratum are alike.
    """

    name: str
    loss: str
    metrics: tuple[Metric, ...]
    parse: Callable[[object], str]
    resolve: Resolve
    unknown: Callable[[Targets], npt.NDArray[np.bool_]]
    names: Callable[[Targets, Sequence[str]], list[str]]
    outputs: Callable[[Sequence[str]], int]
    answers: Callable[[Logits], Targets]
    probabilities: Callable[[Logits, float], npt.NDArray[np.float64]] | None
    strata: Callable[[Targets], npt.NDArray[np.int64]]

    @property
    def headline(self) -> Metric:
        """The metric by which rows are compared."""
        return self.metrics[0]

    def metric(self, key: str) -> Metric:
        """The metric of that key, which must be one of the task's."""
        return next(metric for metric in self.metrics if metric.key == key)

    def score(
        self, logits: Logits, targets: Targets, *, answers: Targets | None = None, temperature: float = 1.0
    ) -> dict[str, Any]:
        """How many examples there are, and every metric of them by its key.

        logits: (N, C) float32. answers: those that were decided from the logits; Task.answers of them when omitted.
        temperature: as in Outputs.
        Raises: DivergedError if a logit is not finite.
        """
        plain = self.answers(logits)
        outputs = Outputs(logits, plain if answers is None else answers, temperature)
        return {"examples": len(targets)} | {metric.key: metric.value(outputs, targets) for metric in self.metrics}
