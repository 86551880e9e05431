"""Whether fine-tuning was worth it, and whether a smaller candidate is as good. The module sentences words it.

The winner was chosen on the validation rows before any test row was read; the test rows choose nothing here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np

from finetooth.evaluation import power, sentences, significance
from finetooth.evaluation.learning import Learning, Sign
from finetooth.evaluation.seeds import FEW_SEEDS, recipe_difference
from finetooth.evaluation.sentences import Gap, Value
from finetooth.evaluation.significance import Paired, Scores, Standing, holm, paired
from finetooth.row_kinds import Role, row_kind
from finetooth.tasks import DEFAULT, Metric, PairedTest
from finetooth.wording import row_titles

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Judged:
    """One row of the table with one seed. trained: the number of parameters that it trains.

    scores: (N,) of the examples by `metric`, the headline metric of the task; higher is better (Metric.gains).
    chance: whether it is a baseline that learnt nothing from a text: majority, or the model under an untrained head.
    role: a reference (full fine-tuning) is compared with the winner, but the winner need not beat it.
    learning: the signs that a candidate has not learned, from its validation rows and training curve.
    """

    name: str
    role: Role
    seed: int | None
    scores: Scores
    trained: int = 0
    chance: bool = False
    learning: Learning = field(default_factory=Learning)
    metric: Metric = DEFAULT.headline

    @property
    def key(self) -> tuple[str, int | None]:
        """Name and seed."""
        return self.name, self.seed


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

    worth_it: whether the winner is significantly better than every baseline; None without a winner or baseline, if the
    winner is better but no baseline learned anything from a text, and if the winner has not learned.
    unlearned: the winner, if it has not learned and is not significantly better than every baseline; else None.
    smallest_sufficient: the candidate of fewest trained parameters that is shown to be non-inferior to the winner by
    the margin; the winner itself if all smaller ones are shown to be worse by more; None if that is open.
    rows_needed: if it is open, the test rows that would show non-inferiority of the smallest open one with 80 % power,
    if the two are equally good; None if the test set has as many.
    rows_to_show: if the winner is ahead of a baseline but not significantly, the test rows that would show the measured
    difference with 80 % power.
    """

    text: str
    headline: str
    worth_it: bool | None = None
    unlearned: Unlearned | None = None
    winner: Named | None = None
    smallest_sufficient: Named | None = None
    rows_needed: int | None = None
    rows_to_show: int | None = None


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows, and the winner among them."""

    rows: Sequence[Judged]
    best: Judged
    titles: Mapping[tuple[str, int | None], str]

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
        """The others that train fewer parameters than the winner, the fewest first."""
        fewer = (row for row in self.others() if row.trained < self.best.trained)
        return sorted(fewer, key=lambda row: row.trained)


def standings_of(rows: Sequence[Judged]) -> list[Standing]:
    """The comparison of each candidate with the baselines, in their order; empty without a baseline."""
    candidates, baselines = ([row for row in rows if row.role == role] for role in ("candidate", "baseline"))
    if not candidates or not baselines:
        return []
    scores = ([row.scores for row in candidates], [row.scores for row in baselines])
    return significance.standings(*scores, test=_test(candidates[0]))


def judge(
    rows: Sequence[Judged],
    *,
    winner: tuple[str, int | None] | None,
    margin: float,
    standings: Sequence[Standing],
    failed: Sequence[str] = (),
    failed_baselines: Sequence[str] = (),
) -> Verdict:
    """The verdict on all rows that ended well, measured on the same examples.

    winner: name and seed of the candidate chosen on the validation rows. standings: of standings_of. margin: the share
    of accuracy that a smaller candidate may lose and still be good enough. failed, failed_baselines: titles of the
    candidates and baselines that did not end well.
    The winner is compared with other candidates of its own seed.
    Not covered: each interval, also the one of non-inferiority, is of one pair of rows and not corrected for several
    pairs; the choice of the baseline that several seeds are compared with is not corrected for either.
    """
    best = next((row for row in rows if row.key == winner and row.role == "candidate"), None)
    titles = row_titles(row.key for row in rows)
    if best is None:
        top = _best_baseline(rows)
        name = None if top is None else titles[top.key]
        text = sentences.no_winner(name, winner=winner, failed=failed, any_row=bool(rows))
        return Verdict(text, text, winner=None if winner is None else {"name": winner[0], "seed": winner[1]})
    table = _Table(rows, best, titles)
    candidates, baselines = table.of("candidate"), table.of("baseline")
    standing = standings[candidates.index(best)] if baselines else None
    ending = [
        *_others_unlearned(table),
        sentences.failures(failed),
        sentences.failed_baselines(failed_baselines) if baselines else "",
    ]
    if best.learning.signs and (standing is None or standing.p_holm >= ALPHA):
        return _unlearned(table, standing, ending)
    smallest = _smallest(table, margin)
    first, worth_it, rows_to_show = sentences.no_baseline(titles[best.key], failed_baselines), None, None
    if standing is not None:
        first, worth_it, rows_to_show = _worth(table, standing, failed=failed_baselines)
    second = "" if worth_it is False else _non_inferiority(table, smallest, margin)
    others = _other_candidates(table, judged=smallest.row if second else None)
    return Verdict(
        _joined([first, second, _beside_reference(table), _of_seeds(table), *others, *ending]),
        headline=first,
        worth_it=worth_it,
        winner=_named(best),
        smallest_sufficient=_named(smallest.row) if smallest.shown else None,
        rows_needed=smallest.rows_needed,
        rows_to_show=rows_to_show,
    )


def _unlearned(table: _Table, standing: Standing | None, ending: Sequence[str]) -> Verdict:
    """The verdict on a winner that has not learned. standing: None without a baseline."""
    best, learning = table.best, table.best.learning
    headline, second = sentences.not_learned(table.title(best), [sign.text for sign in learning.signs])
    name = None if standing is None else table.title(table.of("baseline")[standing.best])
    gap = None if standing is None else _gap(standing.to_best)
    return Verdict(
        _joined([headline, second, sentences.open_question(name, gap, learning.advice), *ending]),
        headline=headline,
        winner=_named(best),
        unlearned={
            "name": best.name,
            "seed": best.seed,
            "signs": list(learning.signs),
            "changes": dict(learning.changes),
        },
    )


def _others_unlearned(table: _Table) -> list[str]:
    """A sentence for each other candidate that answers one class for nearly every row."""
    collapsed = [(row, row.learning.collapsed) for row in table.of("candidate") if row is not table.best]
    return [sentences.other_not_learned(table.title(row), sign.text) for row, sign in collapsed if sign is not None]


def _worth(table: _Table, standing: Standing, *, failed: Sequence[str]) -> tuple[str, bool | None, int | None]:
    """The comparison with the baselines in words, Verdict.worth_it and Verdict.rows_to_show.

    failed: titles of the baselines that did not end well.
    """
    candidates, baselines = table.of("candidate"), table.of("baseline")
    name, top, to_best = table.title(table.best), table.title(baselines[standing.best]), standing.to_best
    if standing.p_holm < ALPHA:
        if all(row.chance for row in baselines):
            trained = any(row_kind(title.partition(" ")[0]).fitted for title in failed)
            return sentences.beats_chance(name, top, _gap(to_best), failed=trained), None, None
        return sentences.worth_it(name, top, _gap(to_best)), True, None
    if to_best.difference < 0 and standing.p_best_holm < ALPHA:
        return sentences.behind(name, top, _gap(to_best)), False, None
    ahead = to_best.difference > 0
    pair, index = (standing.to_hardest, standing.hardest) if ahead else (to_best, standing.best)
    # The test rows chose the best of the baselines, so its p is corrected for their number; p of the hardest is not.
    corrected_baselines = 1 if ahead else len(baselines)
    has_seeds = len({row.name for row in candidates}) < len(candidates)
    sentence = sentences.not_shown(
        name,
        table.title(baselines[index]),
        _gap(pair),
        is_best=index == standing.best,
        p=standing.p_holm if ahead else standing.p_best_holm,
        corrected=sentences.corrected_for(len(candidates), seeds=has_seeds, baselines=corrected_baselines),
    )
    alpha = ALPHA / (len(candidates) * corrected_baselines)  # the level at which the smallest p is tested
    if pair.difference > 0:
        rows = power.rows_to_show(pair, alpha=alpha)
        return f"{sentence} {sentences.rows_to_show(rows)}", False, rows
    shown = power.smallest_shown(pair, alpha=alpha)
    return f"{sentence} {sentences.can_show(pair.examples, shown)}", False, None


@dataclass(frozen=True, slots=True)
class _Smallest:
    """The smallest candidate that is shown to be non-inferior to the winner, or else the smallest that may be.

    The winner itself if all smaller ones are shown to be worse. shown: whether non-inferiority is shown.
    rows_needed: Verdict.rows_needed.
    """

    row: Judged
    shown: bool = True
    rows_needed: int | None = None


def _smallest(table: _Table, margin: float) -> _Smallest:
    open_ones: list[tuple[Judged, Paired]] = []
    for row in table.smaller():
        pair = _pair(row, table.best)
        low, high = pair.interval()
        if low > -margin:
            return _Smallest(row)
        if high >= -margin:
            open_ones.append((row, pair))
    if not open_ones:
        return _Smallest(table.best)
    row, pair = open_ones[0]
    rows = power.rows_to_show_non_inferiority(pair, margin=margin)
    return _Smallest(row, False, rows if rows is not None and rows > pair.examples else None)


def _non_inferiority(table: _Table, smallest: _Smallest, margin: float) -> str:
    """Whether a smaller candidate is as good as the winner; empty without a smaller one."""
    best, row, winner = table.best, smallest.row, table.title(table.best)
    if row is best:
        return sentences.all_smaller_worse(winner, margin) if table.smaller() else ""
    return sentences.not_worse(
        table.title(row),
        winner,
        trained=(row.trained, best.trained),
        margin=margin,
        shown=smallest.shown,
        rows_needed=smallest.rows_needed,
    )


def _beside_reference(table: _Table) -> str:
    """The comparison with full fine-tuning of the winner's seed; empty without it."""
    full = next((row for row in table.of("reference") if row.seed == table.best.seed), None)
    if full is None:
        return ""
    pair, names = _pair(table.best, full), (table.title(table.best), table.title(full))
    return sentences.beside_reference(*names, _gap(pair), trained=full.trained, p=pair.p, shown=pair.p < ALPHA)


def _of_seeds(table: _Table) -> str:
    """The comparison of the winner's recipe with the best baseline over its seeds; empty if it has one seed."""
    own = np.stack([row.scores for row in table.of("candidate") if row.name == table.best.name]).astype(np.float64)
    if len(own) == 1:
        return ""
    if len(own) < FEW_SEEDS:
        return sentences.few_seeds(table.best.name, own.mean(axis=1).tolist())
    baseline = _best_baseline(table.rows)
    if baseline is None or own.shape[1] == 1:
        return ""
    others = np.stack([row.scores for row in table.of("baseline") if row.name == baseline.name]).astype(np.float64)
    difference = recipe_difference(own, others, span=table.best.metric.span)
    gap = Gap(difference.difference, *difference.interval, own.shape[1])
    return sentences.over_seeds(table.best.name, baseline.name, gap, seeds=len(own))


def _other_candidates(table: _Table, *, judged: Judged | None) -> tuple[str, str]:
    """Which other candidates of the winner's seed are ahead of it, and which do not differ significantly from it.

    p is Holm-corrected over them. judged: the one whose non-inferiority the verdict states already.
    """
    others = table.others()
    pairs = [_pair(row, table.best) for row in others]
    compared = list(zip(others, pairs, holm([pair.p for pair in pairs]), strict=True))
    ahead = [(table.title(row), _gap(pair)) for row, pair, p in compared if p < ALPHA and pair.difference > 0]
    alike = [table.title(row) for row, _, p in compared if p >= ALPHA and row is not judged]
    return sentences.ahead(table.title(table.best), ahead), sentences.alike(table.title(table.best), alike)


def _best_baseline(rows: Sequence[Judged]) -> Judged | None:
    baselines = [row for row in rows if row.role == "baseline"]
    return max(baselines, key=lambda row: float(row.scores.sum()), default=None)


def _pair(a: Judged, b: Judged) -> Paired:
    return paired(a.scores, b.scores, test=_test(a))


def _test(row: Judged) -> PairedTest:
    assert row.metric.paired_test is not None, "a headline metric has a paired test"
    return row.metric.paired_test


def _gap(pair: Paired) -> Gap:
    return Gap(pair.difference, *pair.interval(), pair.examples)


def _named(row: Judged) -> Named:
    return {"name": row.name, "seed": row.seed}


def _joined(parts: Sequence[str]) -> str:
    return " ".join(filter(None, parts))
