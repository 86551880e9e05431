"""The verdict in words: short, plain, with units, and never more than was shown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

_SHOWN = 3
_LONGEST_CLASS = 30
Value = int | float | str  # of a key of the recipe
_NARROW = 0.002  # of an interval: below a fifth of a point, tenths of a point would say nothing


class Row(Protocol):
    """What of a row is told."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def kind(self) -> Literal["baseline", "candidate"]:
        """Control or candidate."""
        ...

    @property
    def seed(self) -> int | None:
        """Its seed, if one changes it."""
        ...

    @property
    def trained(self) -> int:
        """Parameters it trains."""
        ...


class Title:
    """How a row is called: by its name, and by its seed where the table has several of that name."""

    def __init__(self, rows: Sequence[Row]) -> None:
        names = [row.name for row in rows]
        self._several = {name for name in names if names.count(name) > 1}

    def __call__(self, row: Row) -> str:
        """The row's title."""
        return f"{row.name} (seed {row.seed})" if row.name in self._several and row.seed is not None else row.name


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference of accuracies with its 95 % interval, -1 to 1, on so many examples."""

    difference: float
    low: float
    high: float
    examples: int


def worth_it(name: str, control: str, gap: Gap) -> str:
    """The winner is better than every control."""
    return f"Worth it: {name} beats the best baseline ({control}) by {_points(gap)}."


def behind(name: str, control: str, gap: Gap) -> str:
    """The best baseline is better than the winner."""
    return f"Not worth it: the best baseline ({control}) beats {name} by {_points(_positive(gap))}."


def beats_chance(name: str, control: str, gap: Gap, *, failed: bool) -> str:
    """The winner is better than every baseline, but none of them learnt anything. failed: whether trained ones did."""
    missing = "ended well" if failed else "was run"
    return (
        f"{name} beats {control} by {_points(gap)}; whether it was worth it cannot be said, because no trained "
        f"baseline (tfidf, probe) {missing}."
    )


def one_class(name: str, share: float, true_share: float) -> str:
    """Nearly all answers are of one class; both shares of the validation rows, 0 to 1."""
    calm = " ".join(name.split())
    quoted = f"'{calm if len(calm) <= _LONGEST_CLASS else calm[: _LONGEST_CLASS - 1] + '…'}'"
    return f"it answers {quoted} for {100 * share:.0f} % of the validation rows ({100 * true_share:.0f} % are {quoted})"


def still_falling(start: float, end: float, *, epochs: float) -> str:
    """The validation loss, in nats, fell steeply over the last so many epochs."""
    span = "the last epoch" if epochs == 1 else f"the last {epochs:.2g} epochs"
    return f"its validation loss was still falling: from {start:.2f} to {end:.2f} in {span}"


def falling_within(train_loss: float, end: float) -> str:
    """The validation loss after training lies far below the mean training loss on the way; both in nats."""
    return f"its loss was still falling: {train_loss:.2f} on average in training, {end:.2f} on validation rows after it"


def not_fitted(train_accuracy: float, baseline: str, accuracy: float) -> str:
    """The training rows are fitted worse than a baseline answers validation rows; both accuracies 0 to 1."""
    return (
        f"its training accuracy is {100 * train_accuracy:.0f} % at the end, below what {baseline} reaches on the "
        f"validation rows ({100 * accuracy:.0f} %)"
    )


def not_learned(name: str, signs: Sequence[str]) -> tuple[str, str]:
    """That a candidate has not learned: the headline with the first sign, and the second sign if there is one."""
    more = f"{signs[1][0].upper()}{signs[1][1:]}." if len(signs) > 1 else ""
    return f"{name} has not learned yet: {signs[0]}.", more


def other_not_learned(name: str, sign: str) -> str:
    """That a candidate beside the winner has not learned."""
    return f"{name} has not learned: {sign}."


def open_question(baseline: str | None, gap: Gap | None, advice: str) -> str:
    """What a run says whose winner has not learned, and what to do."""
    so_far = ""
    if baseline is not None and gap is not None:
        so_far = f" So far its difference to the best baseline ({baseline}) is {_points(gap, signed=True)}."
    return f"So this run does not show whether fine-tuning is worth it.{so_far} {advice}"


def train_again(changes: Sequence[tuple[str, Value, Value]]) -> str:
    """What to change in the recipe; changes: key, value to try, value it has."""
    parts = [f"{setting(key, value)} (now {setting(key, now).partition('=')[2]})" for key, value, now in changes]
    return f"Train again with {' and '.join(parts)}."


def setting(key: str, value: Value) -> str:
    """A key of the recipe and a value as `--set` takes them: `training.learning_rate=0.00002`."""
    number = f"{value:.10f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f"{key}={number}"


def corrected_for(candidates: int, *, seeds: bool, controls: int) -> str:
    """What a p is corrected for. seeds: whether the candidates are counted with theirs."""
    parts = [f"for {candidates} candidates{' and seeds' if seeds else ''}"] if candidates > 1 else []
    parts += [f"for {controls} baselines"] if controls > 1 else []
    holm = "Holm-corrected" if candidates > 1 else "corrected"
    return f"{holm} {' and '.join(parts)}" if parts else "exact McNemar test"


def untold(name: str, control: str, gap: Gap, *, is_best: bool, p: float, corrected: str) -> str:
    """The winner and a baseline cannot be told apart; an interval that says otherwise is explained."""
    which = f"the best baseline ({control})" if is_best else f"the baseline {control}"
    where = f"on {gap.examples:,} test rows"
    if gap.low > 0 or gap.high < 0:
        side = "ahead of" if gap.low > 0 else "behind"
        return (
            f"Not shown to be worth it: {name} is {side} {which} by {_points(_positive(gap))} {where}, "
            f"yet cannot be told apart from it (p = {_p(p)}, {corrected})."
        )
    return f"Not shown to be worth it: {name} cannot be told apart from {which} {where}: {_points(gap, signed=True)}."


def rows_to_tell(rows: int | None) -> str:
    """How many test rows would tell two rows apart, if their difference is as seen."""
    if rows is None:
        return "If the difference is as small as it looks, no test set of a usual size would tell."
    return f"If the difference is as seen, about {_about(rows)} test rows would tell (80 % power)."


def can_show(examples: int, difference: float | None) -> str:
    """The smallest difference that so many test rows show."""
    if difference is None:
        return f"{examples:,} test rows are too few to show any difference between two rows that agree so often."
    return f"{examples:,} test rows show a difference from about {100 * difference:.1f} points up (80 % power)."


def sufficiency(
    best: Row,
    sufficient: Row | None,
    open_one: Row | None,
    *,
    rows_needed: int | None,
    margin: float,
    title: Title,
) -> str:
    """Whether a smaller candidate does as well; nothing where there is none."""
    within = f"as good within {100 * margin:g} points"
    if sufficient is not None and sufficient is not best:
        return f"{title(sufficient)} is {within} with {_instead(sufficient, best)}."
    if open_one is not None:
        said = f"Whether {title(open_one)} is {within} with {_instead(open_one, best)} is not shown"
        if rows_needed is None:
            return f"{said}."
        return f"{said}; if the two are equally good, about {_about(rows_needed)} test rows would show it (80 % power)."
    return ""


def none_smaller(margin: float) -> str:
    """Every smaller candidate is worse by more than the margin."""
    return f"No candidate with fewer trained parameters is as good within {100 * margin:g} points."


def no_control(name: str, failed: Sequence[str]) -> str:
    """There is nothing to beat; failed: the baselines that were asked for."""
    if failed:
        return f"Whether {name} was worth it cannot be said, because every baseline failed ({_listed(failed)})."
    return (
        f"Whether {name} was worth it cannot be said, because there is no baseline row: "
        "add majority and tfidf to the recipe's baselines."
    )


def no_winner(
    control: Row | None, *, winner: tuple[str, int | None] | None, failed: Sequence[str], any_row: bool, title: Title
) -> str:
    """There is no winner to judge. any_row: whether any row ended well."""
    if winner is not None:
        return f"No verdict: {winner[0]}, best on the validation rows, failed on the test rows; none takes its place."
    if failed:
        return f"No verdict: no candidate ended well ({_listed(failed)} failed)."
    if control is not None:
        return f"No verdict: there is no candidate. The baseline with the highest accuracy is {title(control)}."
    return f"No verdict: there is no {'candidate' if any_row else 'row that ended well'}."


def beside_full(name: str, full: Row, gap: Gap, *, p: float, told: bool, title: Title) -> str:
    """How the winner stands to full fine-tuning. told: whether p tells the two apart."""
    whole = f"{title(full)} ({full.trained:,} trained parameters)"
    if not told and gap.low <= 0 <= gap.high:
        return f"{name} cannot be told apart from {whole}: {_points(gap, signed=True)}."
    better, worse = (name, whole) if gap.difference > 0 else (whole, name)
    said = f"{better} is ahead of {worse} by {_points(_positive(gap))}"
    return f"{said}." if told else f"{said}, yet the two cannot be told apart (p = {_p(p)}, exact McNemar test)."


def failures(failed: Sequence[str]) -> str:
    """Which candidates are not judged, because they failed."""
    if not failed:
        return ""
    return f"{_listed(failed)} failed and {'is' if len(failed) == 1 else 'are'} not judged."


def failed_controls(failed: Sequence[str]) -> str:
    """Against which controls nothing is said, because they failed."""
    if not failed:
        return ""
    many = len(failed) > 1
    return (
        f"The baseline{'s' if many else ''} {_listed(failed)} failed, so there is no comparison with "
        f"{'them' if many else 'it'}."
    )


def few_seeds(name: str, accuracies: Sequence[float]) -> str:
    """So few seeds say little."""
    low, high = 100 * min(accuracies), 100 * max(accuracies)
    return (
        f"{len(accuracies)} seeds show little of where another seed would land: "
        f"{name} had {low:.1f} to {high:.1f} % with them."
    )


def over_seeds(name: str, control: str, gap: Gap, *, seeds: int) -> str:
    """What a recipe gains with a new seed on new examples."""
    if gap.low <= 0 <= gap.high:
        shown = _points(gap, signed=True)
        return f"As recipes, {name} and {control} cannot be told apart over {seeds} seeds: {shown}."
    side = "above" if gap.difference > 0 else "below"
    return f"As a recipe, over {seeds} seeds, {name} lies {_points(_positive(gap))} {side} {control}."


def ahead(name: str, others: Sequence[tuple[str, Gap]]) -> str:
    """Which other candidates are shown to be better than the winner, with their gaps."""
    if not others:
        return ""
    shown = _listed([f"{other} by {_points(gap)}" for other, gap in others])
    return f"On these test rows {name}, which validation chose, is behind {shown}."


def alike(name: str, others: Sequence[str]) -> str:
    """Which other candidates cannot be told apart from the winner."""
    return f"On these test rows {_listed(others)} cannot be told apart from {name}." if others else ""


def _positive(gap: Gap) -> Gap:
    """The gap seen from the better side."""
    return gap if gap.difference >= 0 else Gap(-gap.difference, -gap.high, -gap.low, gap.examples)


def _points(gap: Gap, *, signed: bool = False) -> str:
    """'1.4 points (1.0 to 1.8)'."""
    figures = 1 if gap.high - gap.low >= _NARROW else 2
    plus = "+" if signed else ""
    measured = _calm(f"{100 * gap.difference:{plus}.{figures}f}")
    low, high = (_calm(f"{100 * value:.{figures}f}") for value in (gap.low, gap.high))
    return f"{measured} points ({low} to {high})"


def _calm(number: str) -> str:
    """A rounded number without the sign of a zero."""
    return number if float(number) else number.lstrip("+-")


def _p(p: float) -> str:
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _about(count: int) -> str:
    """A count rounded up to two figures."""
    unit = 10 ** max(0, math.floor(math.log10(count)) - 1)
    return f"{math.ceil(count / unit) * unit:,}"


def _instead(smaller: Row, larger: Row) -> str:
    return f"{smaller.trained:,} instead of {larger.trained:,} trained parameters"


def _listed(names: Sequence[str]) -> str:
    if len(names) > _SHOWN:
        return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
