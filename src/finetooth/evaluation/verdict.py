"""Whether fine-tuning was worth it, and whether a smaller candidate is as good. The module sentences words it.

The winner was chosen on the validation rows before any test row was read; the test rows choose nothing here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from finetooth.evaluation import claim, headline, power, sentences
from finetooth.evaluation.claim import Standing
from finetooth.evaluation.gap import Gap, amount
from finetooth.evaluation.headline import Headline, Outcome
from finetooth.evaluation.judged import Judged, Table, best_baseline
from finetooth.evaluation.learning import Sign
from finetooth.evaluation.seeds import FEW_SEEDS, recipe_difference
from finetooth.evaluation.sentences import Value
from finetooth.evaluation.significance import holm
from finetooth.evaluation.terms import ALPHA, Terms
from finetooth.wording import row_titles

WORTH_IT = {"gain": True, "small_gain": False, "no_gain": False, "behind": False}  # of other outcomes it is not known


class Named(TypedDict):
    """A row of the table."""

    name: str
    seed: int | None


class Unlearned(TypedDict):
    """A winner that has not learned: why, and the recipe's keys with the values to try."""

    name: str
    seed: int | None
    signs: list[Sign]
    changes: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict; asdict of it is JSON. headline: the first sentence of text.

    outcome: as in claim.Claim; or `unlearned`, `beats_chance` (better, but no baseline learned anything from a text),
    `no_baseline` or `no_winner`.
    worth_it: whether the winner is better than every baseline by at least the gain asked for; True and False are
    shown, and None says that neither is.
    unlearned: the winner, if it has not learned and is not significantly better than every baseline; else None.
    smallest_sufficient: the candidate of fewest trained parameters that is shown to be non-inferior to the winner by
    the margin; the winner itself if the next smaller one is shown to be worse by more; None if that is open.
    rows_needed: if it is open, the test rows that would show non-inferiority of the next smaller one with 80 % power,
    if the two are equally good; None if the test set has as many.
    rows_to_show: if the outcome is `open`, the test rows that would show with 80 % power that the winner is better, if
    it is so by the gain asked for; None if the test set has as many, or no gain is asked for.
    """

    text: str
    headline: str
    outcome: Outcome
    worth_it: bool | None = None
    unlearned: Unlearned | None = None
    winner: Named | None = None
    smallest_sufficient: Named | None = None
    rows_needed: int | None = None
    rows_to_show: int | None = None


def standings_of(rows: Sequence[Judged], terms: Terms) -> list[Standing]:
    """The comparison of each candidate with the baselines, in their order; empty without a baseline."""
    candidates, baselines = ([row for row in rows if row.role == role] for role in ("candidate", "baseline"))
    scores = [row.scores for row in baselines]
    return [
        claim.standing(row.scores, scores, terms=terms, differing=_differing(row, baselines, terms))
        for row in candidates
        if baselines
    ]


def _differing(row: Judged, baselines: Sequence[Judged], terms: Terms) -> list[int] | None:
    """As in claim.standing: of a metric that is no mean, every score differs once one answer does."""
    if terms.metric.aggregate is None or row.answers is None:
        return None
    return [int((row.answers != other.answers).sum()) for other in baselines]


def judge(
    rows: Sequence[Judged],
    *,
    winner: tuple[str, int | None] | None,
    terms: Terms,
    standings: Sequence[Standing],
    failed: Sequence[str] = (),
    failed_baselines: Sequence[str] = (),
) -> Verdict:
    """The verdict on all rows that ended well, measured on the same examples.

    winner: name and seed of the candidate chosen on the validation rows. standings: of standings_of. failed,
    failed_baselines: titles of the candidates and baselines that did not end well.
    The claim about the winner is tested at terms.alpha. The winner is compared with other candidates of its own seed.
    Not covered: the intervals of other pairs are of 95 % each, not corrected for several pairs; the choice of the
    baseline that several seeds are compared with is not corrected for either.
    """
    best = next((row for row in rows if row.key == winner and row.role == "candidate"), None)
    titles = row_titles(row.key for row in rows)
    if best is None:
        return _no_winner(winner, rows, titles, failed=failed)
    table = Table(rows, best, titles, terms)
    candidates, baselines = table.of("candidate"), table.of("baseline")
    standing = standings[candidates.index(best)] if baselines else None
    ending = [
        *_others_unlearned(table),
        sentences.failures(failed),
        sentences.failed_baselines(failed_baselines) if baselines else "",
    ]
    if best.learning.signs and (standing is None or standing.p >= ALPHA):
        return _unlearned(table, standing, ending)
    smallest = _smallest(table)
    if standing is None:
        first = Headline(sentences.no_baseline(titles[best.key], failed_baselines), "no_baseline")
    else:
        first = headline.against_baselines(table, standing, failed=failed_baselines)
    worth_it = WORTH_IT.get(first.outcome)
    second = "" if worth_it is False else _non_inferiority(table, smallest)
    others = _other_candidates(table, judged=smallest.row if second else None)
    return Verdict(
        _joined(
            [
                first.sentence,
                first.power,
                second,
                _beside_reference(table),
                _of_seeds(table, first.outcome),
                *others,
                *ending,
                "" if first.level is None else sentences.look(terms.looks, terms.alpha, first.level),
            ]
        ),
        headline=first.sentence,
        outcome=first.outcome,
        worth_it=worth_it,
        winner=_named(best),
        smallest_sufficient=_named(smallest.row) if smallest.shown else None,
        rows_needed=smallest.rows_needed,
        rows_to_show=first.rows_to_show,
    )


def _no_winner(
    winner: tuple[str, int | None] | None,
    rows: Sequence[Judged],
    titles: Mapping[tuple[str, int | None], str],
    *,
    failed: Sequence[str],
) -> Verdict:
    """The verdict without test figures of a winner."""
    top = best_baseline(rows)
    text = sentences.no_winner(
        None if top is None else titles[top.key], winner=winner, failed=failed, any_row=bool(rows)
    )
    key: Named | None = None if winner is None else {"name": winner[0], "seed": winner[1]}
    return Verdict(text, text, "no_winner", winner=key)


def _unlearned(table: Table, standing: Standing | None, ending: Sequence[str]) -> Verdict:
    """The verdict on a winner that has not learned. standing: None without a baseline."""
    best, learning = table.best, table.best.learning
    first, second = sentences.not_learned(table.title(best), [sign.text for sign in learning.signs])
    name = None if standing is None else table.title(table.of("baseline")[standing.best])
    difference = None if standing is None else table.gap(standing.to_best)
    return Verdict(
        _joined([first, second, sentences.open_question(name, difference, learning.advice), *ending]),
        headline=first,
        outcome="unlearned",
        winner=_named(best),
        unlearned={
            "name": best.name,
            "seed": best.seed,
            "signs": list(learning.signs),
            "changes": dict(learning.changes),
        },
    )


def _others_unlearned(table: Table) -> list[str]:
    """A sentence for each other candidate that answers one class for nearly every row."""
    collapsed = [(row, row.learning.collapsed) for row in table.of("candidate") if row is not table.best]
    return [sentences.other_not_learned(table.title(row), sign.text) for row, sign in collapsed if sign is not None]


@dataclass(frozen=True, slots=True)
class _Smallest:
    """The smallest candidate that is shown to be non-inferior to the winner, or else the next smaller one.

    The winner itself if the next smaller one is shown to be worse. shown: whether non-inferiority is shown.
    worse: the next smaller one, if it is shown to be worse. rows_needed: Verdict.rows_needed.
    """

    row: Judged
    shown: bool = True
    worse: Judged | None = None
    rows_needed: int | None = None


def _smallest(table: Table) -> _Smallest:
    """Non-inferiority, tested from the largest candidate downwards until it is not shown.

    Tests in a fixed sequence that end at the first failure need no correction: each is of 2.5 % one-sided.
    Source: Maurer, Hothorn and Lehmacher 1995, "Multiple comparisons in drug clinical trials and preclinical assays:
    a-priori ordered hypotheses".
    """
    margin, smallest = table.terms.margin, _Smallest(table.best, shown=table.terms.has_intervals)
    if not table.terms.has_intervals:
        return smallest
    for row in table.smaller():
        pair = table.pair(row, table.best)
        low, high = pair.interval()
        if low > -margin:
            smallest = _Smallest(row)
        elif smallest.row is not table.best:
            return smallest
        elif high < -margin:
            return _Smallest(table.best, worse=row)
        else:
            rows = power.rows_to_show_non_inferiority(pair, margin=margin)
            return _Smallest(row, False, rows_needed=rows if rows is not None and rows > pair.examples else None)
    return smallest


def _non_inferiority(table: Table, smallest: _Smallest) -> str:
    """Whether a smaller candidate is as good as the winner; empty without a smaller one."""
    best, row, winner = table.best, smallest.row, table.title(table.best)
    margin = amount(table.terms.margin, table.terms.metric)
    if smallest.worse is not None:
        return sentences.smaller_worse(table.title(smallest.worse), winner, margin=margin)
    if row is best:
        return ""
    return sentences.not_worse(
        table.title(row),
        winner,
        trained=(row.trained, best.trained),
        margin=margin,
        shown=smallest.shown,
        rows_needed=smallest.rows_needed,
    )


def _beside_reference(table: Table) -> str:
    """The comparison with full fine-tuning of the winner's seed; empty without it."""
    full = next((row for row in table.of("reference") if row.seed == table.best.seed), None)
    if full is None:
        return ""
    difference = table.gap(table.pair(table.best, full))
    return sentences.beside_reference(table.title(table.best), table.title(full), difference, trained=full.trained)


def _of_seeds(table: Table, outcome: Outcome) -> str:
    """The comparison of the winner's recipe with the best baseline over its seeds; empty if it has one seed."""
    best, terms = table.best, table.terms
    own = np.stack([row.scores for row in table.of("candidate") if row.name == best.name]).astype(np.float64)
    if len(own) == 1:
        return ""
    if len(own) < FEW_SEEDS:
        return sentences.few_seeds(best.name, [abs(float(row.mean())) for row in own], terms.metric)
    baseline = best_baseline(table.rows)
    if baseline is None or terms.units.count == 1 or not terms.has_intervals:
        return ""
    others = np.stack([row.scores for row in table.of("baseline") if row.name == baseline.name]).astype(np.float64)
    of_recipes = recipe_difference(own, others, units=terms.units, span=terms.metric.span)
    difference = Gap(of_recipes.difference, *of_recipes.interval, table.where, terms.metric)
    side = 0 if difference.low <= 0 <= difference.high else 1 if difference.difference > 0 else -1
    of_winner = {"gain": 1, "small_gain": 1, "better": 1, "beats_chance": 1, "behind": -1}.get(outcome, 0)
    return sentences.over_seeds(best.name, baseline.name, difference, seeds=len(own), agrees=side == of_winner)


def _other_candidates(table: Table, *, judged: Judged | None) -> tuple[str, str]:
    """Which other candidates of the winner's seed are ahead of it, and the differences of those that are not.

    p is Holm-corrected over them. judged: the one whose non-inferiority the verdict states already.
    """
    others = table.others() if table.terms.has_intervals else []
    pairs = [table.pair(row, table.best) for row in others]
    compared = list(zip(others, pairs, holm([pair.p for pair in pairs]), strict=True))
    ahead = [(table.title(row), table.gap(pair)) for row, pair, p in compared if p < ALPHA and pair.difference > 0]
    alike = [(table.title(row), table.gap(pair)) for row, pair, p in compared if p >= ALPHA and row is not judged]
    return sentences.ahead(table.title(table.best), ahead), sentences.alike(table.title(table.best), alike)


def _joined(texts: Sequence[str]) -> str:
    return " ".join(filter(None, texts))


def _named(row: Judged) -> Named:
    return {"name": row.name, "seed": row.seed}
