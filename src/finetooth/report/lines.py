"""The rows of the table as the report reads them: the contract's row beside what comparison.json says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finetooth.measure.intervals import wilson
from finetooth.measure.seeds import FEW_SEEDS
from finetooth.report.markup import shown
from finetooth.report.wording import compared_with, counted, of_heads, title

Key = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table. title: its name, with the seed where the run has several.

    best_control: the baseline of highest test accuracy. against: whether candidates are held against it, as against
    that or as the baseline that is hardest to beat.
    """

    row: Mapping[str, Any]
    compared: Mapping[str, Any]
    title: str
    winner: bool
    best_control: bool
    against: bool = False

    @property
    def key(self) -> Key:
        """Name and seed."""
        return self.row["name"], self.row["seed"]

    @property
    def done(self) -> bool:
        """Whether it has test figures."""
        return self.row["status"] == "done" and self.row["test"] is not None

    @property
    def accuracy(self) -> float:
        """Test accuracy, 0 to 1, of a row that is done; the mean of its heads where it has several."""
        return float(self.row["test"]["accuracy"] if self.heads is None else self.heads["mean_accuracy"])

    @property
    def level(self) -> float:
        """Test accuracy, 0 to 1, that candidates are compared with: that of the first head where it has several."""
        return float(self.row["test"]["accuracy"])

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the test accuracy: as it was written, else Wilson's from the same figures.

        The range of its heads where it has several.
        """
        if self.heads is not None:
            return float(self.heads["lowest"]), float(self.heads["highest"])
        known = self.compared.get("interval")
        if known:
            return float(known[0]), float(known[1])
        examples = int(self.row["test"]["examples"])
        return wilson(round(self.accuracy * examples), examples)

    @property
    def heads(self) -> Mapping[str, Any] | None:
        """Count, mean and range of the untrained heads that the original model was scored with, where several."""
        return self.row.get("heads") or None

    @property
    def trainable(self) -> int | None:
        """Trained parameters; None where nothing is counted."""
        return (self.row["parameters"] or {}).get("trainable")

    @property
    def gain(self) -> tuple[float, float] | None:
        """Difference to the best baseline, and the p of what it seems to say, Holm-corrected; None for controls."""
        difference = self.compared.get("difference")
        if not self.done or difference is None:
            return None
        return float(difference), float(self.compared["p_holm" if difference > 0 else "p_best_control_holm"])

    @property
    def chance(self) -> bool:
        """Whether it is the original model under a head that was never trained."""
        return self.row.get("head") == "new" and self.row["kind"] == "baseline" and self.trainable is None


def read_lines(contract: Mapping[str, Any], comparison: Mapping[str, Any]) -> list[Line]:
    """A line for each row of the contract, in its order."""
    compared = {(row["name"], row["seed"]): row for row in comparison.get("rows", [])}
    winner, best, against = contract["winner"], comparison.get("best_control"), compared_with(comparison)
    several = len({row["seed"] for row in contract["rows"]} - {None}) > 1
    return [
        Line(
            row,
            compared.get((row["name"], row["seed"]), {}),
            title(row, several=several),
            _is(row, winner),
            _is(row, best),
            (row["name"], row["seed"]) in against,
        )
        for row in contract["rows"]
    ]


def winner_of(lines: Sequence[Line]) -> Line | None:
    """The winner, if it has test figures."""
    return next((line for line in lines if line.winner and line.done), None)


def best_control_of(lines: Sequence[Line]) -> Line | None:
    """The baseline of highest test accuracy."""
    return next((line for line in lines if line.best_control and line.done), None)


def tempered(lines: Sequence[Line]) -> bool:
    """Whether candidates carry a temperature."""
    return any(line.done and (line.row.get("decision") or {}).get("temperature", 1.0) != 1.0 for line in lines)


def few_seeds(lines: Sequence[Line]) -> str | None:
    """How little is known of other seeds; None from FEW_SEEDS of the candidates on, and without a candidate."""
    seeds = {line.row["seed"] for line in lines if line.row["kind"] == "candidate" and line.done}
    if not 0 < len(seeds) < FEW_SEEDS:
        return None
    return f"{counted(len(seeds), 'seed')}: little can be said of how much another seed would change."


def abstains_below(lines: Sequence[Line]) -> float | None:
    """The confidence, 0 to 1, below which the winner gives no answer; None where it always gives one."""
    winner = winner_of(lines)
    abstain = None if winner is None else (winner.row.get("decision") or {}).get("abstain")
    return None if abstain is None else float(abstain["below"])


def heads_told(lines: Sequence[Line], *, others: bool = False) -> str | None:
    """What the figures of a row of several untrained heads are; None where there is none.

    others: whether figures other than its accuracy and range are shown.
    """
    line = next((line for line in lines if line.done and line.heads is not None), None)
    if line is None or line.heads is None:
        return None
    first = line.level if line.against else None
    return of_heads(shown(line.title), line.heads["count"], first=first, others=others)


def original_of(lines: Sequence[Line]) -> Line | None:
    """The original model, under the winner's head seed where there are several."""
    found = [line for line in lines if line.row["name"] == "original" and line.row["kind"] == "baseline" and line.done]
    winner = winner_of(lines)
    same = [line for line in found if winner is not None and line.row["seed"] == winner.row["seed"]]
    return next(iter([*same, *found]), None)


def _is(row: Mapping[str, Any], named: Mapping[str, Any] | None) -> bool:
    return named is not None and (row["name"], row["seed"]) == (named["name"], named["seed"])
