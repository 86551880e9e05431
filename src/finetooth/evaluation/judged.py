"""The rows that a verdict is about."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from finetooth.evaluation.gap import Gap, gap
from finetooth.evaluation.learning import Learning
from finetooth.evaluation.significance import Paired, Scores, paired
from finetooth.evaluation.terms import Terms
from finetooth.row_kinds import Role
from finetooth.tasks import Targets
from finetooth.wording import rows_in_units


@dataclass(frozen=True, slots=True)
class Judged:
    """One row of the table with one seed. trained: the number of parameters that it trains.

    scores: (N,) of the examples by the metric of the terms; higher is better (Metric.gains).
    chance: whether it is a baseline that learnt nothing from a text: majority, or the model under an untrained head.
    role: a reference (full fine-tuning) is compared with the winner, but the winner need not beat it.
    learning: the signs that a candidate has not learned, from its validation rows and training curve. answers: (N,) to
    the examples; None if the metric does not need them.
    """

    name: str
    role: Role
    seed: int | None
    scores: Scores
    trained: int = 0
    chance: bool = False
    learning: Learning = field(default_factory=Learning)
    answers: Targets | None = None

    @property
    def key(self) -> tuple[str, int | None]:
        """Name and seed."""
        return self.name, self.seed


@dataclass(frozen=True, slots=True)
class Table:
    """The rows, the winner among them, and the terms."""

    rows: Sequence[Judged]
    best: Judged
    titles: Mapping[tuple[str, int | None], str]
    terms: Terms

    @property
    def where(self) -> str:
        """The test rows in words."""
        units = self.terms.units
        return rows_in_units(len(units), "test row", units=units.count, group=self.terms.group)

    def title(self, row: Judged) -> str:
        """The row's name in sentences."""
        return self.titles[row.key]

    def of(self, role: Role) -> list[Judged]:
        """The rows of a role."""
        return [row for row in self.rows if row.role == role]

    def others(self) -> list[Judged]:
        """The other candidates of the winner's seed."""
        return [row for row in self.of("candidate") if row.seed == self.best.seed and row is not self.best]

    def smaller(self) -> list[Judged]:
        """The others that train fewer parameters than the winner, the most first."""
        fewer = (row for row in self.others() if row.trained < self.best.trained)
        return sorted(fewer, key=lambda row: -row.trained)

    def pair(self, a: Judged, b: Judged) -> Paired:
        """Two rows on the test rows."""
        return paired(a.scores, b.scores, test=self.terms.metric.paired_test, units=self.terms.units)

    def gap(self, pair: Paired, *, level: float = 0.95) -> Gap:
        """A difference of two rows, for a sentence; without an interval if the metric has none on these test rows."""
        if not self.terms.has_intervals:
            return Gap(pair.difference, -math.inf, math.inf, self.where, self.terms.metric)
        return gap(pair, self.terms.metric, self.where, level=level)


def best_baseline(rows: Sequence[Judged]) -> Judged | None:
    """The baseline with the highest mean score, the first among equals."""
    baselines = [row for row in rows if row.role == "baseline"]
    return max(baselines, key=lambda row: float(row.scores.sum()), default=None)
