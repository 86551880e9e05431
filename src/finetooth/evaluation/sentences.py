"""The sentences of the verdict: short, with units, and no claim that the test rows do not show."""

from collections.abc import Sequence

from finetooth.evaluation.gap import Gap, amount
from finetooth.tasks import Metric
from finetooth.wording import at_least, capital, counted, cut, listed, p_value, percent

_SHOWN = 3  # names of failed rows
_LONGEST_CLASS = 30
Value = int | float | str  # of a key of the recipe


def which(baseline: str, *, is_best: bool) -> str:
    """A baseline in a sentence."""
    return f"the best baseline ({baseline})" if is_best else f"the baseline {baseline}"


def worth_it(name: str, baseline: str, gap: Gap, *, gain: float) -> str:
    """The winner is better than every baseline, by at least the gain asked for. baseline: from which()."""
    least = f", at least the {amount(gain, gap.metric)} asked for" if gain else ""
    return f"Worth it: {name} beats {baseline} by {gap.text()}{least}."


def small_gain(name: str, baseline: str, gap: Gap, *, gain: float) -> str:
    """The winner is better than every baseline, by less than the gain asked for."""
    least = amount(gain, gap.metric)
    return f"Better, but by less than the {least} asked for: {name} beats {baseline} by {gap.text()}."


def better(name: str, baseline: str, gap: Gap, *, gain: float) -> str:
    """The winner is better than every baseline, but whether by the gain asked for is open."""
    least = amount(gain, gap.metric)
    return f"Better, but not shown to be better by the {least} asked for: {name} beats {baseline} by {gap.text()}."


def behind(name: str, baseline: str, gap: Gap) -> str:
    """The best baseline is better than the winner."""
    return f"Not worth it: {baseline} beats {name} by {gap.positive.text()}."


def no_gain(name: str, baseline: str, gap: Gap, *, gain: float) -> str:
    """The winner is not shown to be better than every baseline, and is better by less than the gain asked for."""
    difference = f"{name} differs from {baseline} by {gap.text(signed=True)} on {gap.where}"
    return f"Not worth it: {difference}, less than the {amount(gain, gap.metric)} asked for."


def too_few(name: str, baseline: str, gap: Gap, *, least: str) -> str:
    """There are fewer test rows than `least`, or fewer units of sampling."""
    return (
        f"No verdict from {gap.where} (a verdict needs {least}): {name} differs from {baseline} by "
        f"{gap.text(signed=True)}."
    )


def too_alike(name: str, baseline: str, gap: Gap, *, differing: int, least: int) -> str:
    """The two rows differ on fewer test rows than `least`."""
    return (
        f"No verdict: {name} and {baseline} differ on only {differing:,} of {gap.where} (a verdict needs {least}); the "
        f"difference is {gap.text(signed=True)}."
    )


def too_rare(name: str, baseline: str, gap: Gap, *, fewest: int, least: int) -> str:
    """A class has fewer test rows, `fewest`, than the metric needs for an interval."""
    title, rows = gap.metric.title, counted(fewest, "test row")
    return (
        f"No verdict: a class has only {rows}, and {title} needs {least} of each for an interval; "
        f"the difference of {name} to {baseline} is {amount(gap.difference, gap.metric)} in {title}."
    )


def beats_chance(name: str, baseline: str, gap: Gap, *, failed: bool) -> str:
    """The winner is better than every baseline, but no trained one ended well. failed: whether one failed."""
    missing = "ended well" if failed else "was run"
    return (
        f"{name} beats {baseline} by {gap.text()}; whether it was worth it cannot be said, because no trained "
        f"baseline (tfidf, nb_words, probe) {missing}."
    )


def look(looks: int, alpha: float, level: float) -> str:
    """At which level the first sentence is tested in this look at the test rows, and the level of its interval."""
    of_looks = "the first look" if looks == 1 else f"look {looks}"
    tested = f"tested at {100 * alpha:.2g} %, with a {_level(level)} % interval"
    return f"This is {of_looks} at these test rows on this machine, so the first sentence is {tested}."


def _level(level: float) -> str:
    """A level in percent with two figures of what is missing to 100: `97`, `99.81`."""
    return f"{100 - float(f'{100 * (1 - level):.2g}'):g}"


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
        difference = f" The winner differs from the best baseline ({baseline}) by {gap.text(signed=True)}."
    return f"This run does not show whether fine-tuning is worth it.{difference} {advice}"


def train_again(changes: Sequence[tuple[str, Value, Value]]) -> str:
    """What to change in the recipe. changes: each a key, the value to try and the present value."""
    parts = [f"{setting(key, value)} (now {setting(key, now).partition('=')[2]})" for key, value, now in changes]
    return f"Train again with {' and '.join(parts)}."


def setting(key: str, value: Value) -> str:
    """A recipe key and value in the form that `--set` takes: `training.learning_rate=0.00002`."""
    number = f"{value:.10f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f"{key}={number}"


def not_shown(name: str, baseline: str, gap: Gap, *, p: float) -> str:
    """Neither the winner nor a baseline is shown to be better; p is given if it contradicts the interval."""
    if gap.low > 0 or gap.high < 0:
        side = "ahead of" if gap.low > 0 else "behind"
        difference = f"{name} is {side} {baseline} by {gap.positive.text()} on {gap.where}, but {p_value(p)}"
    else:
        difference = f"{name} differs from {baseline} by {gap.text(signed=True)} on {gap.where}"
    return f"Not shown to be worth it: {difference}."


def can_show(gap: Gap, least: float | None, *, gain: float, rows: int | None) -> str:
    """What the test rows can show.

    least: the smallest difference that they show with 80 % power; None if they show none. gain: the gain asked for.
    rows: the test rows that would show it with 80 % power; None beyond any usual number.
    """
    if least is None:
        return f"{capital(gap.where)} are too few to show any difference between two models that agree so often."
    shown = (
        f"{capital(gap.where)} show a difference of {amount(float(f'{least:.2g}'), gap.metric)} or more in 4 of 5 cases"
    )
    if gain == 0 or gain >= least:
        return f"{shown}."
    needed = "no test set of a usual size" if rows is None else f"about {at_least(rows)} test rows"
    return f"{shown}; {needed} would show one of {amount(gain, gap.metric)}."


def not_worse(
    name: str, winner: str, *, trained: tuple[int, int], margin: str, shown: bool, rows_needed: int | None
) -> str:
    """Whether a smaller candidate is non-inferior to the winner: worse by `margin` (from amount()) at most.

    trained: parameters of the candidate and of the winner. rows_needed: test rows that would show it.
    """
    sizes = f"{trained[0]:,} instead of {trained[1]:,} trained parameters"
    claim = f"{name}, with {sizes}, is at most {margin} worse than {winner}"
    if shown:
        return f"{claim} (95 % interval)."
    if rows_needed is None:
        return f"The test rows do not show that {claim}."
    would_show = f"about {at_least(rows_needed)} test rows would show it (80 % power)"
    return f"The test rows do not show that {claim}. If the two are equally good, {would_show}."


def smaller_worse(name: str, winner: str, *, margin: str) -> str:
    """The next smaller candidate is shown to be worse than the winner by more than the margin."""
    return f"{name}, the next with fewer trained parameters, is more than {margin} worse than {winner} (95 % interval)."


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
        return f"No verdict: there is no candidate. The best baseline is {baseline}."
    return f"No verdict: there is no {'candidate' if any_row else 'row that ended well'}."


def beside_reference(name: str, reference: str, gap: Gap, *, trained: int) -> str:
    """The winner compared with full fine-tuning. trained: parameters of the latter."""
    other = f"{reference} ({trained:,} trained parameters)"
    if gap.low <= 0 <= gap.high:
        return f"{name} differs from {other} by {gap.text(signed=True)}."
    better, worse = (name, other) if gap.difference > 0 else (other, name)
    return f"{better} is ahead of {worse} by {gap.positive.text()}."


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


def few_seeds(name: str, values: Sequence[float], metric: Metric) -> str:
    """The spread over seeds is not estimated, because there are too few. values: the metric of each seed."""
    low, high = min(values), max(values)
    if metric.unit == "share":
        spread = f"{100 * low:.1f} to {100 * high:.1f} %"
    else:
        spread = f"{low:.3f} to {high:.3f} in {metric.title}"
    return f"{len(values)} seeds are too few to estimate the spread over seeds: {name} had {spread} with them."


def over_seeds(name: str, baseline: str, gap: Gap, *, seeds: int, agrees: bool) -> str:
    """The difference to expect between a candidate and a baseline for a new seed and new examples.

    agrees: whether it leads to the same conclusion as the headline.
    """
    difference = f"differs from {baseline} by {gap.text(signed=True)}"
    if not gap.low <= 0 <= gap.high:
        side = "better" if gap.difference > 0 else "worse"
        difference = f"is {gap.positive.text()} {side} than {baseline}"
    sentence = (
        f"Estimated from {seeds} seeds, which change the new head and the order of the training rows, {name} "
        f"{difference} when it is trained again and tested on new examples."
    )
    if agrees:
        return sentence
    return f"{sentence} The first sentence is about the saved adapter, this one about training again."


def ahead(name: str, others: Sequence[tuple[str, Gap]]) -> str:
    """Which other candidates are significantly better than the winner, with their gaps."""
    if not others:
        return ""
    listing = listed([f"{other} by {gap.text()}" for other, gap in others], _SHOWN)
    return f"On these test rows, {name}, which was chosen on the validation rows, is behind {listing}."


def alike(name: str, others: Sequence[tuple[str, Gap]]) -> str:
    """The differences of other candidates from the winner, where neither is significantly better."""
    if not others:
        return ""
    listing = listed([f"{other} {gap.range()}" for other, gap in others], _SHOWN)
    return f"Difference{'' if len(others) == 1 else 's'} from {name} (95 % interval): {listing}."
