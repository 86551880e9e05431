"""Whether the tuning was worth it, and which smaller candidate would have done: decided here, worded in wording.

The winner is fixed by validation before a test row is read; nothing here chooses by test rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypedDict

import numpy as np

from finetooth.measure import power, wording
from finetooth.measure.learning import Learning
from finetooth.measure.seeds import FEW_SEEDS, recipe_difference
from finetooth.measure.significance import Paired, Scores, holm, paired
from finetooth.measure.standing import Standing, standings
from finetooth.measure.wording import Gap, Title, Value
from finetooth.tasks import DEFAULT, Metric, PairedTest

ALPHA = 0.05
_UNTRAINED = ("majority", "original")  # controls that are not fitted on the training rows


@dataclass(frozen=True, slots=True)
class Judged:
    """One row of the table with one seed; trained: parameters it trains.

    scores: (N,) of the examples by `metric`, the headline metric of the task; higher is better (Metric.gains).
    chance: whether it is a baseline that learnt nothing from a text: majority, or the model under an untrained head.
    yardstick: whether it is full fine-tuning, told beside the winner and no baseline that it must beat (docs/adr/0012).
    learning: of a candidate, the signs that it has not learned, by validation rows and its training curve alone.
    """

    name: str
    kind: Literal["baseline", "candidate"]
    seed: int | None
    scores: Scores
    trained: int = 0
    chance: bool = False
    yardstick: bool = False
    learning: Learning = field(default_factory=Learning)
    metric: Metric = DEFAULT.headline

    @property
    def is_control(self) -> bool:
        """Whether a winner must beat it to be worth it."""
        return self.kind == "baseline" and not self.yardstick


class Named(TypedDict):
    """A row of the table."""

    name: str
    seed: int | None


class ShownSign(TypedDict):
    """A sign that a candidate has not learned: its kind, and a clause about the candidate."""

    sign: Literal["one_class", "still_falling", "not_fitted"]
    text: str


class Unlearned(TypedDict):
    """A winner that has not learned: why, and the recipe's keys with the values to try."""

    name: str
    seed: int | None
    signs: list[ShownSign]
    changes: Mapping[str, Value]


class Verdict(TypedDict):
    """The verdict. headline: the first sentence of text.

    worth_it: whether the winner is better than every baseline; None where there is no winner or no baseline, where
    it is better but no baseline learnt anything, and where it has not learned.
    unlearned: that the winner has not learned, so that nothing is said of its worth; None where it has, as one that is
    better than every baseline always has.
    smallest_sufficient: the candidate of fewest trained parameters that is shown to be as good as the winner within
    the margin; the winner itself if all smaller ones are shown to be worse by more; None if that is open.
    rows_needed: then, the test rows that would show it of the smallest open one with 80 % power, if the two are equally
    good; None too where that is no more than there are.
    rows_to_tell: where the winner is ahead and not told apart from a baseline, the test rows that would tell with 80 %
    power, if the difference is as seen.
    """

    text: str
    headline: str
    worth_it: bool | None
    unlearned: Unlearned | None
    winner: Named | None
    smallest_sufficient: Named | None
    rows_needed: int | None
    rows_to_tell: int | None


def judge(
    rows: Sequence[Judged],
    *,
    winner: tuple[str, int | None] | None,
    margin: float,
    failed: Sequence[str] = (),
    failed_controls: Sequence[str] = (),
) -> Verdict:
    """The verdict on all rows that ended well, measured on the same examples.

    winner: name and seed, by validation. margin: the share of accuracy that a smaller candidate may lose and still
    count as good enough. failed, failed_controls: titles of the candidates and controls that did not end well.
    Candidates are compared with the winner as it was shipped, seed by seed: of the same seed.
    Not covered: intervals, and with them whether a smaller candidate suffices, are of one pair of rows each, not
    corrected for there being several; nor is the choice of the baseline that several seeds are compared with.
    """
    best = next((row for row in rows if (row.name, row.seed) == winner and row.kind == "candidate"), None)
    title = Title(rows)
    if best is None:
        return _no_winner(rows, winner=winner, failed=failed, title=title)
    candidates = [row for row in rows if row.kind == "candidate"]
    controls = [row for row in rows if row.is_control]
    standing = _standing(best, candidates, controls)
    ending = [
        *_others_unlearned(best, candidates, title),
        wording.failures(failed),
        wording.failed_controls(failed_controls) if controls else "",
    ]
    if best.learning.signs and (standing is None or standing.p_holm >= ALPHA):
        return _unlearned(best, None if standing is None else (controls[standing.best], standing), ending, title=title)
    sufficient, rows_needed, open_one = _smallest(best, candidates, margin)
    second = wording.sufficiency(best, sufficient, open_one, rows_needed=rows_needed, margin=margin, title=title)
    if sufficient is best and _smaller(best, candidates):
        second = wording.none_smaller(margin)
    worth_it: bool | None = None
    if standing is None:
        first, rows_to_tell = wording.no_control(title(best), failed_controls), None
    else:
        first, rows_to_tell = _worth(best, controls, standing, candidates=candidates, title=title)
        worth_it = standing.p_holm < ALPHA
        if not worth_it:
            second = ""
        elif all(row.chance for row in controls):
            gap, top = _gap(standing.to_best), title(controls[standing.best])
            first, worth_it = wording.beats_chance(title(best), top, gap, failed=_trained(failed_controls)), None
    more = [
        _beside_full(best, rows, title),
        _of_seeds(best, rows),
        *_beside(best, candidates, told=(sufficient, open_one) if second else (), title=title),
        *ending,
    ]
    return _verdict(
        [first, second, *more],
        worth_it=worth_it,
        winner=_named(best),
        smallest_sufficient=_named(sufficient),
        rows_needed=rows_needed,
        rows_to_tell=rows_to_tell,
    )


def _no_winner(
    rows: Sequence[Judged], *, winner: tuple[str, int | None] | None, failed: Sequence[str], title: Title
) -> Verdict:
    text = wording.no_winner(_best_control(rows), winner=winner, failed=failed, any_row=bool(rows), title=title)
    return _verdict([text], winner=None if winner is None else {"name": winner[0], "seed": winner[1]})


def _standing(best: Judged, candidates: Sequence[Judged], controls: Sequence[Judged]) -> Standing | None:
    """How the winner stands to the baselines; None without any."""
    if not controls:
        return None
    judged, against = [row.scores for row in candidates], [row.scores for row in controls]
    return standings(judged, against, test=_test(best))[candidates.index(best)]


def _unlearned(
    best: Judged, against: tuple[Judged, Standing] | None, ending: Sequence[str], *, title: Title
) -> Verdict:
    """The verdict on a winner that has not learned. against: the best baseline and how the winner stands to it."""
    learning = best.learning
    headline, second = wording.not_learned(title(best), [sign.text for sign in learning.signs])
    name, gap = (None, None) if against is None else (title(against[0]), _gap(against[1].to_best))
    return _verdict(
        [headline, second, wording.open_question(name, gap, learning.advice), *ending],
        winner=_named(best),
        unlearned={
            "name": best.name,
            "seed": best.seed,
            "signs": [{"sign": sign.sign, "text": sign.text} for sign in learning.signs],
            "changes": dict(learning.changes),
        },
    )


def _others_unlearned(best: Judged, candidates: Sequence[Judged], title: Title) -> list[str]:
    """The other candidates that answer one class for nearly every row."""
    collapsed = [(row, row.learning.collapsed) for row in candidates if row is not best]
    return [wording.other_not_learned(title(row), sign.text) for row, sign in collapsed if sign is not None]


def _trained(titles: Sequence[str]) -> bool:
    """Whether any of the baselines is one that is fitted on the training rows."""
    return any(title.partition(" ")[0] not in _UNTRAINED for title in titles)


def _worth(
    best: Judged, controls: Sequence[Judged], standing: Standing, *, candidates: Sequence[Judged], title: Title
) -> tuple[str, int | None]:
    """What is said of the winner against the baselines, and the test rows that would tell where they do not."""
    name, top = title(best), title(controls[standing.best])
    if standing.p_holm < ALPHA:
        return wording.worth_it(name, top, _gap(standing.to_best)), None
    if standing.to_best.difference < 0 and standing.p_best_holm < ALPHA:
        return wording.behind(name, top, _gap(standing.to_best)), None
    ahead = standing.to_best.difference > 0
    pair, place = (standing.to_hardest, standing.hardest) if ahead else (standing.to_best, standing.best)
    chosen_of = 1 if ahead else len(controls)  # the baseline that is ahead was chosen, the hardest was not
    seeds = len({row.name for row in candidates}) < len(candidates)
    p = standing.p_holm if ahead else standing.p_best_holm
    corrected = wording.corrected_for(len(candidates), seeds=seeds, controls=chosen_of)
    alpha = ALPHA / (len(candidates) * chosen_of)  # what the corrections ask of the smallest p
    is_best = place == standing.best
    said = wording.untold(name, title(controls[place]), _gap(pair), is_best=is_best, p=p, corrected=corrected)
    if pair.difference > 0:
        rows = power.rows_to_show(pair, alpha=alpha)
        return f"{said} {wording.rows_to_tell(rows)}", rows
    shown = power.smallest_shown(pair, alpha=alpha)
    return f"{said} {wording.can_show(pair.examples, shown)}", None


def _smallest(
    best: Judged, candidates: Sequence[Judged], margin: float
) -> tuple[Judged | None, int | None, Judged | None]:
    """The smallest sufficient candidate, else the rows needed and the smallest candidate of which it is open."""
    open_ones: list[tuple[Judged, Paired]] = []
    for row in _smaller(best, candidates):
        pair = _pair(row, best)
        low, high = pair.interval()
        if low > -margin:
            return row, None, None
        if high >= -margin:
            open_ones.append((row, pair))
    if not open_ones:
        return best, None, None
    row, pair = open_ones[0]
    rows = power.rows_to_suffice(pair, margin=margin)
    return None, rows if rows is not None and rows > pair.examples else None, row


def _smaller(best: Judged, candidates: Sequence[Judged]) -> list[Judged]:
    """Candidates of the winner's seed that train fewer parameters, the fewest first."""
    fewer = [row for row in candidates if row.seed == best.seed and row.trained < best.trained]
    return sorted(fewer, key=lambda row: row.trained)


def _beside_full(best: Judged, rows: Sequence[Judged], title: Title) -> str:
    """How the winner stands to full fine-tuning of its seed, where that was asked for."""
    full = next((row for row in rows if row.yardstick and row.seed == best.seed), None)
    if full is None:
        return ""
    pair = _pair(best, full)
    return wording.beside_full(title(best), full, _gap(pair), p=pair.p, told=pair.p < ALPHA, title=title)


def _of_seeds(best: Judged, rows: Sequence[Judged]) -> str:
    """What the seeds of the winner's recipe show, where it was run with several."""
    own = np.stack(
        [np.asarray(row.scores, np.float64) for row in rows if row.kind == "candidate" and row.name == best.name]
    )
    if len(own) == 1:
        return ""
    if len(own) < FEW_SEEDS:
        return wording.few_seeds(best.name, own.mean(axis=1).tolist())
    control = _best_control(rows)
    if control is None or own.shape[1] == 1:
        return ""
    others = np.stack(
        [np.asarray(row.scores, np.float64) for row in rows if row.is_control and row.name == control.name]
    )
    found = recipe_difference(own, others, span=best.metric.span)
    gap = Gap(found.difference, *found.interval, own.shape[1])
    return wording.over_seeds(best.name, control.name, gap, seeds=len(own))


def _beside(
    best: Judged, candidates: Sequence[Judged], *, told: Sequence[Judged | None], title: Title
) -> tuple[str, str]:
    """Which other candidates of the winner's seed are ahead of it, and which cannot be told apart from it.

    p is Holm-corrected over them. told: those of which it is already said whether they do as well.
    """
    others = [row for row in candidates if row.seed == best.seed and row is not best]
    pairs = [_pair(row, best) for row in others]
    found = list(zip(others, pairs, holm([pair.p for pair in pairs]), strict=True))
    ahead = [(title(row), _gap(pair)) for row, pair, p in found if p < ALPHA and pair.difference > 0]
    alike = [title(row) for row, _, p in found if p >= ALPHA and all(row is not other for other in told)]
    return wording.ahead(title(best), ahead), wording.alike(title(best), alike)


def _best_control(rows: Sequence[Judged]) -> Judged | None:
    controls = [row for row in rows if row.is_control]
    return max(controls, key=lambda row: float(row.scores.sum()), default=None)


def _pair(a: Judged, b: Judged) -> Paired:
    return paired(a.scores, b.scores, test=_test(a))


def _test(row: Judged) -> PairedTest:
    assert row.metric.paired_test is not None, "a headline metric has a paired test"
    return row.metric.paired_test


def _gap(pair: Paired) -> Gap:
    return Gap(pair.difference, *pair.interval(), pair.examples)


def _named(row: Judged | None) -> Named | None:
    return None if row is None else {"name": row.name, "seed": row.seed}


def _verdict(
    sentences: Sequence[str],
    *,
    worth_it: bool | None = None,
    unlearned: Unlearned | None = None,
    winner: Named | None = None,
    smallest_sufficient: Named | None = None,
    rows_needed: int | None = None,
    rows_to_tell: int | None = None,
) -> Verdict:
    return {
        "text": " ".join(sentence for sentence in sentences if sentence),
        "headline": sentences[0],
        "worth_it": worth_it,
        "unlearned": unlearned,
        "winner": winner,
        "smallest_sufficient": smallest_sufficient,
        "rows_needed": rows_needed,
        "rows_to_tell": rows_to_tell,
    }
