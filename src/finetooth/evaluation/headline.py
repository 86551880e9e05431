"""The headline of a verdict: what the test rows show of the winner beside all baselines, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from finetooth.evaluation import claim, power, sentences
from finetooth.evaluation.claim import Standing
from finetooth.evaluation.gap import Gap
from finetooth.evaluation.judged import Table
from finetooth.evaluation.sentences import which
from finetooth.evaluation.significance import Paired
from finetooth.evaluation.terms import Terms
from finetooth.row_kinds import row_kind

Outcome = claim.Outcome | Literal["unlearned", "beats_chance", "no_baseline", "no_winner"]


@dataclass(frozen=True, slots=True)
class Headline:
    """The first sentence of a verdict, what it says, and what the test rows can show if it leaves the question open.

    level: of its interval; None if nothing is claimed.
    """

    sentence: str
    outcome: Outcome
    power: str = ""
    rows_to_show: int | None = None
    level: float | None = None


def against_baselines(table: Table, standing: Standing, *, failed: Sequence[str]) -> Headline:
    """The comparison with the baselines. failed: titles of the baselines that did not end well."""
    terms, baselines = table.terms, table.of("baseline")
    made = claim.claim(standing, terms)
    name, other = table.title(table.best), table.title(baselines[made.baseline])
    of = which(other, is_best=made.baseline == standing.best)
    pair = standing.pairs[made.baseline]
    difference = table.gap(pair, level=made.level)
    if made.outcome in ("gain", "small_gain", "better") and all(row.chance for row in baselines):
        trained = any(row_kind(title.partition(" ")[0]).fitted for title in failed)
        sentence = sentences.beats_chance(name, other, difference, failed=trained)
        return Headline(sentence, "beats_chance", level=made.level)
    match made.outcome:
        case "gain":
            sentence = sentences.worth_it(name, of, difference, gain=terms.gain)
        case "small_gain":
            sentence = sentences.small_gain(name, of, difference, gain=terms.gain)
        case "better":
            sentence = sentences.better(name, of, difference, gain=terms.gain)
        case "behind":
            sentence = sentences.behind(name, of, difference)
        case "no_gain":
            sentence = sentences.no_gain(name, of, difference, gain=terms.gain)
        case "too_few":
            return Headline(_too_few(table, standing, made.baseline, difference), "too_few")
        case "open":
            p = standing.p if pair.difference > 0 else standing.p_behind
            power_sentence, rows = _power(pair, terms, difference)
            return Headline(sentences.not_shown(name, of, difference, p=p), "open", power_sentence, rows, made.level)
    return Headline(sentence, made.outcome, level=made.level)


def _too_few(table: Table, standing: Standing, baseline: int, difference: Gap) -> str:
    """Why there is no claim. baseline: the index of the one that would decide."""
    terms, name, other = table.terms, table.title(table.best), table.title(table.of("baseline")[baseline])
    if not terms.has_intervals:
        least = terms.metric.least_per_stratum
        return sentences.too_rare(name, other, difference, fewest=terms.fewest or 0, least=least)
    if len(terms.units) < claim.LEAST_EXAMPLES:
        return sentences.too_few(name, other, difference, least=f"{claim.LEAST_EXAMPLES}")
    needed = claim.least_units(terms.alpha)
    if terms.units.count < needed:
        return sentences.too_few(name, other, difference, least=f"{needed} {'groups' if terms.group else 'texts'}")
    differing = standing.differing[baseline]
    return sentences.too_alike(name, other, difference, differing=differing, least=claim.LEAST_DIFFERING)


def _power(pair: Paired, terms: Terms, difference: Gap) -> tuple[str, int | None]:
    """What the test rows can show in words, and Verdict.rows_to_show."""
    least = power.smallest_shown(pair, alpha=terms.alpha)
    rows = None
    if terms.gain and (least is None or terms.gain < least):
        rows = power.rows_to_show(pair, difference=terms.gain, alpha=terms.alpha)
    return sentences.can_show(difference, least, gain=terms.gain, rows=rows), rows
