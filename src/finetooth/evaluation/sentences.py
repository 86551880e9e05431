"""The verdict in words: short, plain, with units, and never more than was shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from finetooth.wording import at_least, capital, cut, listed, p_value, percent, points

_SHOWN = 3  # names of failed rows
_LONGEST_CLASS = 30
_NARROW = 0.002  # of an interval: below a fifth of a point, tenths of a point would say nothing
Value = int | float | str  # of a key of the recipe


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference of accuracies with its 95 % interval, -1 to 1, on so many examples."""

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
    """The winner is better than every baseline, but none of them learnt anything. failed: whether trained ones did."""
    missing = "ended well" if failed else "was run"
    return (
        f"{name} beats {baseline} by {_points(gap)}; whether it was worth it cannot be said, because no trained "
        f"baseline (tfidf, probe) {missing}."
    )


def one_class(name: str, share: float, true_share: float) -> str:
    """Nearly all answers are of one class; both shares of the validation rows, 0 to 1."""
    quoted = f"'{cut(' '.join(name.split()), _LONGEST_CLASS)}'"
    return f"it answers {quoted} for {percent(share, 0)} of the validation rows ({percent(true_share, 0)} are {quoted})"


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
        f"its training accuracy is {percent(train_accuracy, 0)} at the end, below what {baseline} reaches on the "
        f"validation rows ({percent(accuracy, 0)})"
    )


def not_learned(name: str, signs: Sequence[str]) -> tuple[str, str]:
    """That a candidate has not learned: the headline with the first sign, and the second sign if there is one."""
    more = f"{capital(signs[1])}." if len(signs) > 1 else ""
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


def corrected_for(candidates: int, *, seeds: bool, baselines: int) -> str:
    """What a p is corrected for. seeds: whether the candidates are counted with theirs."""
    parts = [f"for {candidates} candidates{' and seeds' if seeds else ''}"] if candidates > 1 else []
    parts += [f"for {baselines} baselines"] if baselines > 1 else []
    holm = "Holm-corrected" if candidates > 1 else "corrected"
    return f"{holm} {' and '.join(parts)}" if parts else "exact McNemar test"


def not_shown(name: str, baseline: str, gap: Gap, *, is_best: bool, p: float, corrected: str) -> str:
    """Neither the winner nor a baseline is shown to be better; a p that contradicts the interval is given."""
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
    """How many test rows would show a difference, if it is as seen."""
    if rows is None:
        return "If the difference is as small as it looks, no test set of a usual size would show it."
    return f"If the difference is as seen, about {at_least(rows)} test rows would show it (80 % power)."


def can_show(examples: int, difference: float | None) -> str:
    """The smallest difference that so many test rows show."""
    if difference is None:
        return f"{examples:,} test rows are too few to show any difference between two rows that agree so often."
    least = points(difference, signed=False)
    return f"{examples:,} test rows show a difference from about {least} points up (80 % power)."


@dataclass(frozen=True, slots=True)
class Sizes:
    """The trained parameters of a smaller candidate and of the winner."""

    smaller: int
    winner: int

    def __str__(self) -> str:
        return f"{self.smaller:,} instead of {self.winner:,} trained parameters"


def as_good(name: str, sizes: Sizes, *, margin: float) -> str:
    """A smaller candidate does as well."""
    return f"{name} is as good within {100 * margin:g} points with {sizes}."


def as_good_not_shown(name: str, sizes: Sizes, *, margin: float, rows_needed: int | None) -> str:
    """It is open whether a smaller candidate does as well."""
    sentence = f"Whether {name} is as good within {100 * margin:g} points with {sizes} is not shown"
    if rows_needed is None:
        return f"{sentence}."
    return (
        f"{sentence}; if the two are equally good, about {at_least(rows_needed)} test rows would show it (80 % power)."
    )


def none_smaller(margin: float) -> str:
    """Every smaller candidate is worse by more than the margin."""
    return f"No candidate with fewer trained parameters is as good within {100 * margin:g} points."


def no_baseline(name: str, failed: Sequence[str]) -> str:
    """There is nothing to beat; failed: the baselines that were asked for."""
    if failed:
        return f"Whether {name} was worth it cannot be said, because every baseline failed ({listed(failed, _SHOWN)})."
    return (
        f"Whether {name} was worth it cannot be said, because there is no baseline row: "
        "add majority and tfidf to the recipe's baselines."
    )


def no_winner(
    baseline: str | None, *, winner: tuple[str, int | None] | None, failed: Sequence[str], any_row: bool
) -> str:
    """There is no winner to judge. baseline: the best one. any_row: whether any row ended well."""
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
    """How the winner stands to full fine-tuning. trained: its parameters. shown: whether p shows a difference."""
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
    """Against which baselines nothing is said, because they failed."""
    if not failed:
        return ""
    many = len(failed) > 1
    return (
        f"The baseline{'s' if many else ''} {listed(failed, _SHOWN)} failed, so there is no comparison with "
        f"{'them' if many else 'it'}."
    )


def few_seeds(name: str, accuracies: Sequence[float]) -> str:
    """So few seeds say little."""
    low, high = 100 * min(accuracies), 100 * max(accuracies)
    return (
        f"{len(accuracies)} seeds are too few to estimate the spread over seeds: "
        f"{name} had {low:.1f} to {high:.1f} % with them."
    )


def over_seeds(name: str, baseline: str, gap: Gap, *, seeds: int) -> str:
    """What a recipe gains with a new seed on new examples."""
    if gap.low <= 0 <= gap.high:
        return f"As a recipe, over {seeds} seeds, {name} differs from {baseline} by {_points(gap, signed=True)}."
    side = "above" if gap.difference > 0 else "below"
    return f"As a recipe, over {seeds} seeds, {name} lies {_points(_positive(gap))} {side} {baseline}."


def ahead(name: str, others: Sequence[tuple[str, Gap]]) -> str:
    """Which other candidates are shown to be better than the winner, with their gaps."""
    if not others:
        return ""
    shown = listed([f"{other} by {_points(gap)}" for other, gap in others], _SHOWN)
    return f"On these test rows {name}, which validation chose, is behind {shown}."


def alike(name: str, others: Sequence[str]) -> str:
    """Between which other candidates and the winner no difference is shown."""
    if not others:
        return ""
    return f"On these test rows {listed(others, _SHOWN)} may differ from {name} only by chance."


def _positive(gap: Gap) -> Gap:
    """The gap seen from the better side."""
    return gap if gap.difference >= 0 else Gap(-gap.difference, -gap.high, -gap.low, gap.examples)


def _points(gap: Gap, *, signed: bool = False) -> str:
    """'1.4 points (1.0 to 1.8)'."""
    digits = 1 if gap.high - gap.low >= _NARROW else 2
    low, high = (points(value, digits, signed=False) for value in (gap.low, gap.high))
    return f"{points(gap.difference, digits, signed=signed)} points ({low} to {high})"
