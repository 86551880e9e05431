"""The sentences of the verdict: short, with units, and no claim that the test rows do not show."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from finetooth.wording import at_least, capital, cut, listed, p_value, percent, points

_SHOWN = 3  # names of failed rows
_LONGEST_CLASS = 30
_NARROW = 0.002  # width of an interval below which tenths of a point would not show its two ends apart
Value = int | float | str  # of a key of the recipe


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference of accuracies and the ends of its 95 % interval, -1 to 1, on a number of examples."""

    difference: float
    low: float
    high: float
    examples: int


def worth_it(name: str, baseline: str, gap: Gap) -> str:
    """The winner is better than every baseline."""
    return f"Worth it: {name} beats the best baseline ({baseline}) by {_points(gap)}."


def behind(name: str, baseline: str, gap: Gap) -> str:
    """The best baseline is better than the winner."""
    return f"Not worth it: the best baseline ({baseline}) beats {name} by {_points(_positive(gap))}."


def beats_chance(name: str, baseline: str, gap: Gap, *, failed: bool) -> str:
    """The winner is better than every baseline, but no trained one ended well. failed: whether one failed."""
    missing = "ended well" if failed else "was run"
    return (
        f"{name} beats {baseline} by {_points(gap)}; whether it was worth it cannot be said, because no trained "
        f"baseline (tfidf, probe) {missing}."
    )


def one_class(name: str, share: float, true_share: float) -> str:
    """Nearly all answers are one class. share, true_share: of the validation rows, answered so and labelled so."""
    quoted = f"'{cut(' '.join(name.split()), _LONGEST_CLASS)}'"
    return f"it answers {quoted} for {percent(share, 0)} of the validation rows ({percent(true_share, 0)} are {quoted})"


def still_falling(start: float, end: float, *, epochs: float) -> str:
    """The validation loss, in nats, fell steeply over the last so many epochs."""
    span = "the last epoch" if epochs == 1 else f"the last {epochs:.2g} epochs"
    return f"its validation loss was still falling: from {start:.2f} to {end:.2f} in {span}"


def falling_within(train_loss: float, end: float) -> str:
    """The validation loss after training is far below the mean training loss, both in nats."""
    after = f"{end:.2f} on the validation rows after it"
    return f"its loss was still falling: {train_loss:.2f} on average in training, {after}"


def not_fitted(train_accuracy: float, baseline: str, accuracy: float) -> str:
    """The training rows are fitted worse than a baseline answers validation rows; both accuracies 0 to 1."""
    return (
        f"its training accuracy is {percent(train_accuracy, 0)} at the end, below what {baseline} reaches on the "
        f"validation rows ({percent(accuracy, 0)})"
    )


def not_learned(name: str, signs: Sequence[str]) -> tuple[str, str]:
    """A candidate has not learned: the headline with the first sign, and a sentence with the second sign or ""."""
    more = f"{capital(signs[1])}." if len(signs) > 1 else ""
    return f"{name} has not learned: {signs[0]}.", more


def other_not_learned(name: str, sign: str) -> str:
    """A candidate other than the winner has not learned."""
    return f"{name} has not learned: {sign}."


def open_question(baseline: str | None, gap: Gap | None, advice: str) -> str:
    """The winner has not learned: what the run leaves open, the difference to the best baseline, and what to do."""
    difference = ""
    if baseline is not None and gap is not None:
        difference = f" The winner differs from the best baseline ({baseline}) by {_points(gap, signed=True)}."
    return f"This run does not show whether fine-tuning is worth it.{difference} {advice}"


def train_again(changes: Sequence[tuple[str, Value, Value]]) -> str:
    """What to change in the recipe. changes: each a key, the value to try and the present value."""
    parts = [f"{setting(key, value)} (now {setting(key, now).partition('=')[2]})" for key, value, now in changes]
    return f"Train again with {' and '.join(parts)}."


def setting(key: str, value: Value) -> str:
    """A recipe key and value in the form that `--set` takes: `training.learning_rate=0.00002`."""
    number = f"{value:.10f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f"{key}={number}"


def corrected_for(candidates: int, *, seeds: bool, baselines: int) -> str:
    """What a p value is corrected for. seeds: whether `candidates` counts each seed of a candidate."""
    parts = [f"for {candidates} candidates{' and seeds' if seeds else ''}"] if candidates > 1 else []
    parts += [f"for {baselines} baselines"] if baselines > 1 else []
    holm = "Holm-corrected" if candidates > 1 else "corrected"
    return f"{holm} {' and '.join(parts)}" if parts else "exact McNemar test"


def not_shown(name: str, baseline: str, gap: Gap, *, is_best: bool, p: float, corrected: str) -> str:
    """Neither the winner nor a baseline is shown to be better; p is given if it contradicts the interval."""
    which = f"the best baseline ({baseline})" if is_best else f"the baseline {baseline}"
    where = f"on {gap.examples:,} test rows"
    if gap.low > 0 or gap.high < 0:
        side = "ahead of" if gap.low > 0 else "behind"
        return (
            f"Not shown to be worth it: {name} is {side} {which} by {_points(_positive(gap))} {where}, but "
            f"{p_value(p)} ({corrected})."
        )
    return f"Not shown to be worth it: {name} differs from {which} by {_points(gap, signed=True)} {where}."


def rows_to_show(rows: int | None) -> str:
    """How many test rows would show the difference, if the measured one is the true one."""
    if rows is None:
        return "If the true difference equals the measured one, no test set of a usual size would show it."
    condition = "If the true difference equals the measured one"
    return f"{condition}, about {at_least(rows)} test rows would show it (80 % power)."


def can_show(examples: int, difference: float | None) -> str:
    """The smallest difference that this number of test rows can show."""
    if difference is None:
        return f"{examples:,} test rows are too few to show any difference between two models that agree so often."
    least = points(difference, signed=False)
    return f"With {examples:,} test rows, a difference of about {least} points or more would be found (80 % power)."


def not_worse(
    name: str, winner: str, *, trained: tuple[int, int], margin: float, shown: bool, rows_needed: int | None
) -> str:
    """Whether a smaller candidate is non-inferior to the winner: worse by `margin` (a share) at most.

    trained: parameters of the candidate and of the winner. rows_needed: test rows that would show it.
    """
    sizes = f"{trained[0]:,} instead of {trained[1]:,} trained parameters"
    claim = f"{name}, with {sizes}, is at most {100 * margin:g} points worse than {winner}"
    if shown:
        return f"{claim} (95 % interval)."
    if rows_needed is None:
        return f"The test rows do not show that {claim}."
    would_show = f"about {at_least(rows_needed)} test rows would show it (80 % power)"
    return f"The test rows do not show that {claim}. If the two are equally good, {would_show}."


def all_smaller_worse(winner: str, margin: float) -> str:
    """Every smaller candidate is shown to be worse than the winner by more than the margin."""
    points_worse = f"more than {100 * margin:g} points worse"
    return f"Every candidate with fewer trained parameters is {points_worse} than {winner} (95 % interval)."


def no_baseline(name: str, failed: Sequence[str]) -> str:
    """No baseline ended well. failed: the titles of those that failed."""
    if failed:
        return f"Whether {name} was worth it cannot be said, because every baseline failed ({listed(failed, _SHOWN)})."
    return (
        f"Whether {name} was worth it cannot be said, because there is no baseline row: "
        "add majority and tfidf to the recipe's baselines."
    )


def no_winner(
    baseline: str | None, *, winner: tuple[str, int | None] | None, failed: Sequence[str], any_row: bool
) -> str:
    """There is no winner to judge. baseline: title of the best one. any_row: whether any row ended well."""
    if winner is not None:
        return (
            f"No verdict: {winner[0]}, best on the validation rows, failed on the test rows; no other candidate is "
            "chosen instead."
        )
    if failed:
        return f"No verdict: every candidate failed ({listed(failed, _SHOWN)} failed)."
    if baseline is not None:
        return f"No verdict: there is no candidate. The baseline with the highest accuracy is {baseline}."
    return f"No verdict: there is no {'candidate' if any_row else 'row that ended well'}."


def beside_reference(name: str, reference: str, gap: Gap, *, trained: int, p: float, shown: bool) -> str:
    """The winner compared with full fine-tuning. trained: parameters of the latter. shown: whether p is significant."""
    other = f"{reference} ({trained:,} trained parameters)"
    if not shown and gap.low <= 0 <= gap.high:
        return f"{name} differs from {other} by {_points(gap, signed=True)}."
    better, worse = (name, other) if gap.difference > 0 else (other, name)
    sentence = f"{better} is ahead of {worse} by {_points(_positive(gap))}"
    return f"{sentence}." if shown else f"{sentence}, but {p_value(p)} (exact McNemar test)."


def failures(failed: Sequence[str]) -> str:
    """Which candidates are not judged, because they failed."""
    if not failed:
        return ""
    return f"{listed(failed, _SHOWN)} failed and {'is' if len(failed) == 1 else 'are'} not judged."


def failed_baselines(failed: Sequence[str]) -> str:
    """Which baselines the candidates are not compared with, because they failed."""
    if not failed:
        return ""
    many = len(failed) > 1
    return (
        f"The baseline{'s' if many else ''} {listed(failed, _SHOWN)} failed, so there is no comparison with "
        f"{'them' if many else 'it'}."
    )


def few_seeds(name: str, accuracies: Sequence[float]) -> str:
    """The spread over seeds is not estimated, because there are too few."""
    low, high = 100 * min(accuracies), 100 * max(accuracies)
    return (
        f"{len(accuracies)} seeds are too few to estimate the spread over seeds: "
        f"{name} had {low:.1f} to {high:.1f} % with them."
    )


def over_seeds(name: str, baseline: str, gap: Gap, *, seeds: int) -> str:
    """The difference to expect between a candidate and a baseline for a new seed and new examples."""
    difference = f"differs from {baseline} by {_points(gap, signed=True)}"
    if not gap.low <= 0 <= gap.high:
        side = "better" if gap.difference > 0 else "worse"
        difference = f"is {_points(_positive(gap))} {side} than {baseline}"
    return f"Estimated from {seeds} seeds, the candidate {name} {difference} for a new seed and new examples."


def ahead(name: str, others: Sequence[tuple[str, Gap]]) -> str:
    """Which other candidates are significantly better than the winner, with their gaps."""
    if not others:
        return ""
    shown = listed([f"{other} by {_points(gap)}" for other, gap in others], _SHOWN)
    return f"On these test rows, {name}, which was chosen on the validation rows, is behind {shown}."


def alike(name: str, others: Sequence[str]) -> str:
    """Which other candidates do not differ significantly from the winner."""
    if not others:
        return ""
    verb = "does" if len(others) == 1 else "do"
    return f"{listed(others, _SHOWN)} {verb} not differ significantly from {name} on these test rows."


def _positive(gap: Gap) -> Gap:
    """The same gap with a difference of at least 0: better minus worse."""
    return gap if gap.difference >= 0 else Gap(-gap.difference, -gap.high, -gap.low, gap.examples)


def _points(gap: Gap, *, signed: bool = False) -> str:
    """'1.4 points (1.0 to 1.8)'; without an interval whose ends are infinite."""
    if math.isinf(gap.low):
        return f"{points(gap.difference, signed=signed)} points"
    digits = 1 if gap.high - gap.low >= _NARROW else 2
    low, high = (points(value, digits, signed=False) for value in (gap.low, gap.high))
    return f"{points(gap.difference, digits, signed=signed)} points ({low} to {high})"
