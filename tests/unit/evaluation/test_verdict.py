from dataclasses import asdict, replace

import numpy as np
import pytest

from finetooth.evaluation import power, verdict
from finetooth.evaluation.cost import cost_metric
from finetooth.evaluation.intervals import score_interval
from finetooth.evaluation.judged import Judged
from finetooth.evaluation.significance import paired
from finetooth.evaluation.terms import Terms
from finetooth.evaluation.units import Units
from finetooth.tasks import DEFAULT, Outputs

N = 2000
FIRST = (
    " This is the first look at these test rows on this machine, so the first sentence is tested at 3 %, with a "
    "97 % interval."
)


def rights(*wrong, count=N):
    """All right but the examples in `wrong`, each a range."""
    right = np.ones(count, np.bool_)
    for part in wrong:
        right[part[0] : part[1]] = False
    return right


def baseline(name, right, seed=None):
    return Judged(name, "baseline", seed, right)


def candidate(name, right, seed=1, trained=1000):
    return Judged(name, "candidate", seed, right, trained)


MAJORITY, TFIDF = baseline("majority", rights((0, 1000))), baseline("tfidf", rights((0, 300)))
BASELINES = [MAJORITY, TFIDF]
GOOD = candidate("lora-r8", rights((50, 250)))  # 90.0 % against 85.0 %, every difference its way


def judge(rows, winner=("lora-r8", 1), failed=(), failed_baselines=(), units=None, **terms):
    """The verdict as JSON, without its last sentence if that is FIRST."""
    examples = len(rows[0].scores) if rows else N
    asked = Terms(units=Units.single(examples) if units is None else units, **terms)
    standings = verdict.standings_of(rows, asked)
    judged = verdict.judge(
        rows, winner=winner, terms=asked, standings=standings, failed=failed, failed_baselines=failed_baselines
    )
    return asdict(replace(judged, text=judged.text.removesuffix(FIRST)))


def test_the_only_candidate_beats_every_baseline():
    assert judge([*BASELINES, GOOD]) == {
        "text": "Worth it: lora-r8 beats the best baseline (tfidf) by 5.0 points (4.0 to 6.2).",
        "headline": "Worth it: lora-r8 beats the best baseline (tfidf) by 5.0 points (4.0 to 6.2).",
        "outcome": "gain",
        "worth_it": True,
        "unlearned": None,
        "winner": {"name": "lora-r8", "seed": 1},
        "smallest_sufficient": {"name": "lora-r8", "seed": 1},
        "rows_needed": None,
        "rows_to_show": None,
    }


def test_each_look_at_the_same_test_rows_is_tested_at_a_lower_level():
    levels = [Terms(units=Units.single(1), looks=looks).alpha for looks in range(1, 20_001)]
    assert sum(levels) == pytest.approx(0.05, abs=1e-5) and levels[0] == pytest.approx(0.0304, abs=5e-5)
    near = candidate("lora-r8", rights((25, 312)))  # 25 against 12: p = 0.035 with mid-p 0.0329
    pair = paired(near.scores, TFIDF.scores)
    assert levels[1] < pair.p < 0.05
    fair = candidate("lora-r8", rights((27, 312)))  # 27 against 12
    assert levels[1] < paired(fair.scores, TFIDF.scores).p < levels[0]
    rows = [TFIDF, fair]
    assert judge(rows)["outcome"] == "gain"
    asked = Terms(units=Units.single(N), looks=4)
    again = verdict.judge(rows, winner=("lora-r8", 1), terms=asked, standings=verdict.standings_of(rows, asked))
    assert again.outcome == "open" and again.worth_it is None
    assert again.text.endswith(
        " This is look 4 at these test rows on this machine, so the first sentence is tested at 0.19 %, with a 99.81 % "
        "interval."
    )


def test_the_winner_loses_to_tfidf():
    bad = candidate("lora-r8", rights((100, 500)))
    judged = judge([*BASELINES, bad])
    assert (judged["outcome"], judged["worth_it"], judged["rows_to_show"]) == ("behind", False, None)
    assert judged["text"] == "Not worth it: the best baseline (tfidf) beats lora-r8 by 5.0 points (3.2 to 6.9)."


def test_worth_it_needs_the_gain_that_was_asked_for():
    for gain, outcome, worth_it, text in (
        (0.04, "gain", True, "Worth it: lora-r8 beats the best baseline (tfidf) by 5.0 points (4.0 to 6.2), at least "
         "the 4 points asked for."),
        (0.05, "better", None, "Better, but not shown to be better by the 5 points asked for: lora-r8 beats the best "
         "baseline (tfidf) by 5.0 points (4.0 to 6.2)."),
        (0.07, "small_gain", False, "Better, but by less than the 7 points asked for: lora-r8 beats the best baseline "
         "(tfidf) by 5.0 points (3.9 to 6.3)."),
    ):  # fmt: skip
        judged = judge([*BASELINES, GOOD], gain=gain)
        assert (judged["outcome"], judged["worth_it"], judged["headline"]) == (outcome, worth_it, text)


def test_seven_hundredths_of_a_point_on_200_000_rows_are_not_worth_it_to_who_asks_for_a_point():
    right, better = rights((0, 20_000), count=200_000), rights((140, 20_000), count=200_000)
    judged = judge([baseline("tfidf", right), candidate("lora-r8", better)], gain=0.01)
    assert judged["worth_it"] is False
    assert judged["text"] == (
        "Better, but by less than the 1 point asked for: lora-r8 beats the best baseline (tfidf) by 0.07 points (0.06 "
        "to 0.08)."
    )
    assert judge([baseline("tfidf", right), candidate("lora-r8", better)])["worth_it"] is True


def test_a_gain_that_the_interval_leaves_out_is_not_there():
    near = candidate("lora-r8", rights((20, 310)))
    judged = judge([*BASELINES, near], gain=0.02)
    assert (judged["outcome"], judged["worth_it"]) == ("no_gain", False)
    assert judged["text"] == (
        "Not worth it: lora-r8 differs from the best baseline (tfidf) by +0.5 points (-0.2 to 1.3) on 2,000 test rows, "
        "less than the 2 points asked for. This is the first look at these test rows on this machine, so the first "
        "sentence is tested at 3 %, with a 98.5 % interval."
    )


def test_the_winner_is_ahead_but_not_shown_to_be():
    near = candidate("lora-r8", rights((20, 310)))  # 20 for it, 10 against
    judged = judge([*BASELINES, near], gain=0.006)
    assert (judged["outcome"], judged["worth_it"]) == ("open", None)
    pair = paired(near.scores, TFIDF.scores)
    assert (pair.only_a, pair.only_b) == (20, 10) and pair.p > 0.05
    alpha = Terms(units=Units.single(N)).alpha
    assert judged["rows_to_show"] == power.rows_for_difference(0.006, discordance=31 / 2002, alpha=alpha)
    assert judged["text"] == (
        "Not shown to be worth it: lora-r8 differs from the best baseline (tfidf) by +0.5 points (-0.1 to 1.2) on "
        "2,000 test rows. 2,000 test rows show a difference of 0.81 points or more in 4 of 5 cases; about 3,800 test "
        "rows would show one of 0.6 points."
    )
    enough = judge([*BASELINES, near], gain=0.01)
    assert enough["rows_to_show"] is None
    assert enough["text"].endswith(" 2,000 test rows show a difference of 0.81 points or more in 4 of 5 cases.")


def test_the_winner_is_behind_but_not_shown_to_be():
    near = candidate("lora-r8", rights((10, 320)))
    judged = judge([*BASELINES, near])
    assert judged["worth_it"] is None and judged["rows_to_show"] is None
    assert judged["text"] == (
        "Not shown to be worth it: lora-r8 differs from the best baseline (tfidf) by -0.5 points (-1.2 to 0.1) on "
        "2,000 test rows. 2,000 test rows show a difference of 0.81 points or more in 4 of 5 cases."
    )


def test_few_test_rows_or_few_that_differ_have_no_headline():
    few = judge([baseline("tfidf", rights((0, 30), count=99)), candidate("lora-r8", rights(count=99))])
    assert (few["outcome"], few["worth_it"]) == ("too_few", None)
    assert few["text"].startswith(
        "No verdict from 99 test rows (a verdict needs 100): lora-r8 differs from tfidf by +30.3 points (21.4 to 41.0)."
    )
    alike = judge([*BASELINES, candidate("lora-r8", rights((19, 300)))])
    assert (alike["outcome"], alike["worth_it"]) == ("too_few", None)
    assert alike["text"] == (
        "No verdict: lora-r8 and tfidf differ on only 19 of 2,000 test rows (a verdict needs 20); the difference is "
        "+0.9 points (0.6 to 1.5)."
    )


def test_a_candidate_that_was_not_chosen_costs_the_winner_nothing():
    near = candidate("lora-r8", rights((27, 310)))  # 27 against 10
    others = [candidate(f"other-{number}", rights((0, 400 + number)), trained=5000) for number in range(7)]
    assert judge([*BASELINES, near])["worth_it"] is True
    judged = judge([*BASELINES, near, *others])
    assert judged["worth_it"] is True and judged["headline"] == judge([*BASELINES, near])["headline"]


def test_a_loss_that_one_baseline_alone_would_show_is_not_shown_where_it_is_the_best_of_several():
    near = candidate("lora-r8", rights((10, 324)))  # 10 against 24
    assert judge([TFIDF, near])["text"].startswith("Not worth it: the best baseline (tfidf) beats lora-r8 by 0.7 ")
    others = [baseline(f"weak-{number}", rights((0, 1000 + number))) for number in range(3)]
    judged = judge([TFIDF, *others, near])
    assert judged["worth_it"] is None
    assert judged["headline"] == (
        "Not shown to be worth it: lora-r8 is behind the best baseline (tfidf) by 0.7 points (0.1 to 1.4) on 2,000 "
        "test rows, but p = 0.067."
    )


def test_the_baseline_that_is_not_beaten_need_not_be_the_best():
    strong = baseline("tfidf", rights((0, 330)))  # 30 for the candidate, none against
    weak = baseline("probe", rights((300, 650)), seed=2)  # 350 for it, 300 against
    judged = judge([strong, weak, candidate("lora-r8", rights((0, 300)))])
    assert judged["outcome"] == "open"
    assert "lora-r8 differs from the baseline probe by +2.5 points (-0.3 to 5.3) on 2,000 test rows." in judged["text"]


def test_of_several_baselines_the_gain_is_over_the_one_that_is_led_by_least():
    strong = baseline("tfidf", rights((0, 340)))  # 40 for the candidate, none against: 2.0 points
    weak = baseline("probe", rights((300, 672)), seed=2)  # 372 for it, 300 against: 3.6 points, but widely
    judged = judge([strong, weak, candidate("lora-r8", rights((0, 300)))], gain=0.01)
    assert judged["text"] == (
        "Better, but not shown to be better by the 1 point asked for: lora-r8 beats the baseline probe by 3.6 points "
        "(0.8 to 6.4)."
    )


def test_a_smaller_candidate_is_shown_to_suffice():
    small = candidate("lora-r4", rights((50, 252)), trained=500)
    judged = judge([*BASELINES, GOOD, small])
    assert score_interval(0, 2, N)[0] > -0.005
    assert judged["smallest_sufficient"] == {"name": "lora-r4", "seed": 1} and judged["rows_needed"] is None
    assert judged["text"] == (
        "Worth it: lora-r8 beats the best baseline (tfidf) by 5.0 points (4.0 to 6.2). "
        "lora-r4, with 500 instead of 1,000 trained parameters, is at most 0.5 points worse than lora-r8 (95 % "
        "interval)."
    )


def test_it_is_open_whether_a_smaller_candidate_suffices():
    small = candidate("lora-r4", rights((60, 262)), trained=500)
    judged = judge([*BASELINES, GOOD, small])
    assert judged["smallest_sufficient"] is None
    assert judged["rows_needed"] == power.rows_for_non_inferiority(0.005, discordance=23 / 2002)
    assert judged["text"].endswith(
        " The test rows do not show that lora-r4, with 500 instead of 1,000 trained parameters, is at most 0.5 points "
        "worse than lora-r8. If the two are equally good, about 4,000 test rows would show it (80 % power)."
    )


def test_no_rows_are_asked_for_where_there_are_as_many_already():
    small = candidate("lora-r4", rights((51, 262)), trained=500)  # 1 for it, 12 against
    judged = judge([*BASELINES, GOOD, small])
    low, high = score_interval(1, 12, N)
    assert low <= -0.005 <= high
    assert power.rows_for_non_inferiority(0.005, discordance=14 / 2002) > N
    assert judged["rows_needed"] is not None
    many = judge([*BASELINES, GOOD, small], margin=0.009)
    assert low <= -0.009 and power.rows_for_non_inferiority(0.009, discordance=14 / 2002) <= N
    assert many["smallest_sufficient"] is None and many["rows_needed"] is None
    assert many["text"].endswith(
        " The test rows do not show that lora-r4, with 500 instead of 1,000 trained parameters, is at most 0.9 points "
        "worse than lora-r8."
    )


def test_the_next_smaller_candidate_is_shown_to_be_worse():
    small = candidate("lora-r4", rights((50, 290)), trained=500)
    judged = judge([*BASELINES, GOOD, small])
    assert judged["smallest_sufficient"] == {"name": "lora-r8", "seed": 1} and judged["rows_needed"] is None
    assert judged["text"].endswith(
        " lora-r4, the next with fewer trained parameters, is more than 0.5 points worse than lora-r8 (95 % interval)."
    )


def test_non_inferiority_is_tested_downwards_until_it_is_not_shown():
    close = candidate("lora-r4", rights((50, 251)), trained=500)
    closer = candidate("lora-r2", rights((50, 258)), trained=250)
    rows = [*BASELINES, GOOD, close, closer]
    assert judge(rows)["smallest_sufficient"]["name"] == "lora-r4"
    assert judge(rows, margin=0.02)["smallest_sufficient"]["name"] == "lora-r2"
    text = judge(rows, margin=0.02)["text"]
    assert "lora-r2, with 250 instead of 1,000 trained parameters, is at most 2 points worse than lora-r8" in text
    # A small one that is as good does not count behind a larger one that is not shown to be.
    unsure = candidate("lora-r4", rights((60, 262)), trained=500)
    same = candidate("lora-r2", rights((50, 251)), trained=250)
    assert judge([*BASELINES, GOOD, unsure, same])["smallest_sufficient"] is None
    assert judge([*BASELINES, GOOD, same])["smallest_sufficient"]["name"] == "lora-r2"


def test_the_differences_of_other_candidates_are_told():
    others = [candidate(f"big-{number}", rights((50, 250 + number)), trained=5000) for number in range(3)]
    worse = candidate("worse", rights((50, 500)), trained=5000)
    assert judge([*BASELINES, GOOD, others[0], worse])["text"].endswith(
        " Difference from lora-r8 (95 % interval): big-0 -0.2 to 0.2 points."
    )
    assert judge([*BASELINES, GOOD, *others])["text"].endswith(
        " Differences from lora-r8 (95 % interval): big-0 -0.2 to 0.2 points, big-1 -0.3 to 0.1 points and big-2 -0.4 "
        "to 0.1 points."
    )


def test_a_candidate_that_is_better_than_the_winner_is_named():
    better = candidate("big", rights((50, 200)), trained=5000)
    assert judge([*BASELINES, GOOD, better])["text"].endswith(
        " On these test rows, lora-r8, which was chosen on the validation rows, is behind big by 2.5 points (1.9 to "
        "3.3)."
    )


def test_candidates_beside_the_winner_are_corrected_for_how_many_there_are():
    ahead = candidate("big", rights((50, 245)), trained=5000)  # 5 for it, none against
    pair = paired(ahead.scores, GOOD.scores)
    assert pair.p < 0.05 < 2 * pair.p
    assert " is behind big by 0.2 points (0.1 to 0.6)." in judge([*BASELINES, GOOD, ahead])["text"]
    same = candidate("same", GOOD.scores, trained=6000)
    assert judge([*BASELINES, GOOD, ahead, same])["text"].endswith(
        " Differences from lora-r8 (95 % interval): big 0.1 to 0.6 points and same -0.2 to 0.2 points."
    )


@pytest.mark.parametrize("wrong", [(100, 502), (110, 512)], ids=["sufficient", "open"])
def test_where_it_was_not_worth_it_a_smaller_one_that_is_alike_is_named_all_the_same(wrong):
    bad = candidate("lora-r8", rights((100, 500)))
    small = candidate("lora-r4", rights(wrong), trained=500)
    worse = candidate("lora-r2", rights((100, 600)), trained=250)
    text = judge([*BASELINES, bad, small, worse])["text"]
    assert text.startswith(
        "Not worth it: the best baseline (tfidf) beats lora-r8 by 5.0 points (3.2 to 6.9). Difference from lora-r8 (95 "
        "% interval): lora-r4 -0."
    )


def test_few_seeds_show_little():
    seeds = [candidate("lora-r8", rights((50, 250 + 10 * seed)), seed=seed) for seed in (1, 2, 3)]
    judged = judge([*BASELINES, *seeds], winner=("lora-r8", 2))
    assert judged["winner"] == {"name": "lora-r8", "seed": 2} and judged["worth_it"] is True
    assert judged["text"] == (
        "Worth it: lora-r8 (seed 2) beats the best baseline (tfidf) by 4.0 points (3.2 to 5.1). "
        "3 seeds are too few to estimate the spread over seeds: lora-r8 had 88.5 to 89.5 % with them."
    )


def test_five_seeds_speak_of_the_recipe():
    seeds = [candidate("lora-r8", rights((50, 250 + 10 * seed)), seed=seed) for seed in range(5)]
    text = judge([*BASELINES, *seeds], winner=("lora-r8", 2))["text"]
    assert text.endswith(
        " Estimated from 5 seeds, which change the new head and the order of the training rows, lora-r8 is 4.0 points "
        "(2.9 to 5.1) better than tfidf when it is trained again and tested on new examples."
    )
    better = [baseline("tfidf", rights((60, 200)))]
    text = judge([*better, *seeds], winner=("lora-r8", 2))["text"]
    assert text.endswith(
        " lora-r8 is 4.0 points (2.9 to 5.1) worse than tfidf when it is trained again and tested on new examples."
    )


def test_the_claim_about_the_saved_adapter_and_that_about_training_again_may_differ():
    near = [candidate("lora-r8", rights((10 + 10 * (seed % 2), 310)), seed=seed) for seed in range(5)]
    better = baseline("tfidf", rights((0, 302)))
    text = judge([better, *near], winner=("lora-r8", 2))["text"]
    assert "lora-r8 differs from tfidf by +0.3 points (-0.2 to 0.8) when it is trained again" in text
    assert text.startswith("No verdict") and text.endswith("and tested on new examples.")
    wide = [candidate("lora-r8", rights((40 * seed, 350)), seed=seed) for seed in range(5)]
    text = judge([baseline("tfidf", rights((0, 330))), *wide], winner=("lora-r8", 4))["text"]
    assert text.startswith("Worth it: lora-r8 (seed 4)")
    assert "lora-r8 differs from tfidf by +3.0 points (-" in text
    assert text.endswith(" The first sentence is about the saved adapter, this one about training again.")


def test_seeds_alike_ones_and_failures_are_all_told():
    seeds = [candidate("lora-r8", rights((50, 250 + 10 * seed)), seed=seed) for seed in (1, 2)]
    big = candidate("big", rights((50, 262)), trained=5000)
    text = judge([*BASELINES, *seeds, big], failed=["lora-r16"], failed_baselines=["probe"])["text"]
    assert text.endswith(
        " 2 seeds are too few to estimate the spread over seeds: lora-r8 had 89.0 to 89.5 % with them."
        " Difference from lora-r8 (seed 1) (95 % interval): big -0.4 to 0.1 points."
        " lora-r16 failed and is not judged. The baseline probe failed, so there is no comparison with it."
    )


def test_failed_baselines_are_told():
    assert judge([*BASELINES, GOOD], failed_baselines=["probe"])["text"].endswith(
        " The baseline probe failed, so there is no comparison with it."
    )
    assert judge([*BASELINES, GOOD], failed_baselines=["probe", "original"])["text"].endswith(
        " The baselines probe and original failed, so there is no comparison with them."
    )
    judged = judge([GOOD], failed_baselines=["tfidf", "probe"])
    assert judged["worth_it"] is None
    assert judged["text"] == (
        "Whether lora-r8 was worth it cannot be said, because every baseline failed (tfidf and probe)."
    )


def test_beating_baselines_that_learnt_nothing_is_not_sold_as_worth_it():
    majority = Judged("majority", "baseline", None, MAJORITY.scores, chance=True)
    original = Judged("original", "baseline", 1, rights((0, 990)), chance=True)
    judged = judge([majority, original, GOOD])
    assert judged["worth_it"] is None and judged["smallest_sufficient"] == {"name": "lora-r8", "seed": 1}
    assert judged["text"] == (
        "lora-r8 beats original by 39.5 points (37.2 to 41.9); whether it was worth it cannot be said, because no "
        "trained baseline (tfidf, nb_words, probe) was run."
    )
    failed = judge([majority, GOOD], failed_baselines=["tfidf"])
    assert failed["worth_it"] is None
    assert failed["text"].endswith(
        "because no trained baseline (tfidf, nb_words, probe) ended well. The baseline tfidf failed, so there is no "
        "comparison with it."
    )
    untrained = judge([majority, GOOD], failed_baselines=["majority", "original (seed 2)"])
    assert untrained["text"].endswith(
        "because no trained baseline (tfidf, nb_words, probe) was run. The baselines majority and original (seed 2) "
        "failed, so there is no comparison with them."
    )
    assert (
        "(tfidf, nb_words, probe) ended well" in judge([majority, GOOD], failed_baselines=["majority", "probe"])["text"]
    )
    assert judge([majority, TFIDF, GOOD])["worth_it"] is True
    poor = judge([majority, candidate("lora-r8", rights((0, 1100)))])
    assert poor["worth_it"] is False and poor["text"].startswith("Not worth it: the best baseline (majority) beats")


def full(*wrong, seed=1):
    return Judged("full", "reference", seed, rights(*wrong), trained=9_000)


def test_full_fine_tuning_is_told_beside_the_winner_and_is_no_baseline():
    plain = judge([*BASELINES, GOOD])
    better, alike, worse = full((50, 170)), full((53, 251)), full((50, 330))
    for row, sentence in (
        (better, "full (9,000 trained parameters) is ahead of lora-r8 by 4.0 points (3.2 to 5.0)."),
        (alike, "lora-r8 differs from full (9,000 trained parameters) by -0.1 points (-0.4 to 0.1)."),
        (worse, "lora-r8 is ahead of full (9,000 trained parameters) by 4.0 points (3.2 to 5.0)."),
    ):
        judged = judge([*BASELINES, row, GOOD])
        assert sentence in judged["text"]
        assert judged | {"text": ""} == plain | {"text": ""}
        assert judged["text"].startswith(plain["text"])


def test_full_of_another_seed_is_not_compared_and_alone_it_is_no_baseline():
    assert judge([*BASELINES, full((50, 170), seed=2), GOOD]) == judge([*BASELINES, GOOD])
    judged = judge([full((50, 330)), GOOD])
    assert judged["worth_it"] is None
    assert "because there is no baseline row" in judged["text"] and "ahead of full" in judged["text"]
    assert judge([full((50, 330))], winner=None)["text"] == "No verdict: there is no candidate."


def test_candidates_are_compared_seed_by_seed():
    rows = [
        *BASELINES,
        *(candidate("lora-r8", rights((50, 250 + seed)), seed=seed) for seed in (1, 2)),
        candidate("lora-r4", rights((50, 260)), seed=1, trained=500),
        candidate("lora-r4", rights((50, 252)), seed=2, trained=500),
    ]
    assert judge(rows, winner=("lora-r8", 2))["smallest_sufficient"] == {"name": "lora-r4", "seed": 2}
    assert "lora-r4 (seed 2), with 500 instead" in judge(rows, winner=("lora-r8", 2))["text"]


def test_failed_candidates_are_not_judged():
    assert judge([*BASELINES, GOOD], failed=["lora-r16"])["text"].endswith(" lora-r16 failed and is not judged.")
    assert judge([*BASELINES, GOOD], failed=["a", "b"])["text"].endswith(" a and b failed and are not judged.")
    assert judge([*BASELINES, GOOD], failed=list("abcde"))["text"].endswith(
        " a, b, c and 2 more failed and are not judged."
    )


@pytest.mark.parametrize(
    ("rows", "winner", "failed", "text"),
    [
        (
            BASELINES, None, [],
            "No verdict: there is no candidate. The best baseline is tfidf.",
        ),
        (BASELINES, None, ["lora-r8"], "No verdict: every candidate failed (lora-r8 failed)."),
        ([], None, [], "No verdict: there is no row that ended well."),
        (
            [*BASELINES, candidate("lora-r4", TFIDF.scores)], ("lora-r8", 1), ["lora-r8"],
            "No verdict: lora-r8, best on the validation rows, failed on the test rows; no other candidate is "
            "chosen instead.",
        ),
    ],
)  # fmt: skip
def test_without_a_winner_there_is_no_verdict(rows, winner, failed, text):
    judged = judge(rows, winner=winner, failed=failed)
    assert judged["text"] == text
    assert judged["worth_it"] is None and judged["smallest_sufficient"] is None
    assert judged["winner"] == (None if winner is None else {"name": "lora-r8", "seed": 1})


def test_without_baselines_only_the_candidates_are_compared():
    small = candidate("lora-r4", rights((50, 252)), trained=500)
    judged = judge([GOOD, small])
    assert judged["worth_it"] is None and judged["smallest_sufficient"]["name"] == "lora-r4"
    assert judged["text"] == (
        "Whether lora-r8 was worth it cannot be said, because there is no baseline row: add majority and tfidf to "
        "the recipe's baselines. lora-r4, with 500 instead of 1,000 trained parameters, is at most 0.5 points worse "
        "than lora-r8 (95 % interval)."
    )


def test_a_baseline_of_several_seeds_is_named_with_its_seed():
    originals = [baseline("original", rights((0, 320 - seed)), seed=seed) for seed in (1, 2)]
    text = judge([*originals, candidate("lora-r8", rights((50, 250)))])["text"]
    assert "the best baseline (original (seed 2))" in text


def test_large_test_sets_show_hundredths_of_a_point():
    count = 200_000
    right = rights((0, 20_000), count=count)
    better = rights((200, 20_000), count=count)
    judged = judge([baseline("tfidf", right), candidate("lora-r8", better)])
    assert judged["text"] == "Worth it: lora-r8 beats the best baseline (tfidf) by 0.10 points (0.09 to 0.12)."


def test_groups_widen_the_interval_and_are_named():
    random = np.random.default_rng(0)
    units = Units.of(np.repeat(np.arange(40), 50))  # in each film, the winner is right on all differing rows or on none
    sides = np.repeat(random.permutation(40) < 26, 50)
    differing = random.random(N) < 0.1
    ours, theirs = ~differing | sides, ~differing | ~sides
    rows = [baseline("tfidf", theirs), candidate("lora-r8", ours)]
    assert judge(rows)["worth_it"] is True
    grouped = judge(rows, units=units, group="film")
    assert grouped["outcome"] == "open"
    assert " on 2,000 test rows in 40 groups (film). 2,000 test rows in 40 groups (film) show a" in grouped["text"]
    repeated = judge(rows, units=units)
    assert " on 2,000 test rows with 40 different texts." in repeated["text"]


def test_a_candidate_with_a_third_of_the_cost_wins_where_cost_decides():
    truth = np.arange(600) % 2
    costs = cost_metric([(1, 0, 10.0), (0, 1, 0.5)], classes=2)
    misses, alarms = truth.copy(), truth.copy()
    misses[(truth == 1) & (np.arange(600) < 60)] = 0  # 30 misses of 10 each: 300
    alarms[(truth == 0) & (np.arange(600) < 400)] = 1  # 200 false alarms of 0.5 each: 100

    def row(kind, name, answers, metric):
        gains = metric.gains(Outputs(np.zeros((600, 2), np.float32), answers), truth)
        return Judged(name, kind, 1 if kind == "candidate" else None, gains)

    by_cost = [row("baseline", "tfidf", misses, costs), row("candidate", "lora-r8", alarms, costs)]
    judged = judge(by_cost, metric=costs)
    assert judged["worth_it"] is True
    assert judged["text"].startswith("Worth it: lora-r8 beats the best baseline (tfidf) by 0.333 (0.1")
    assert judged["text"].endswith(" in cost.")
    by_accuracy = [row(one.role, one.name, answers, DEFAULT.headline)
                   for one, answers in zip(by_cost, (misses, alarms), strict=True)]  # fmt: skip
    assert judge(by_accuracy)["worth_it"] is False


def test_macro_f1_with_few_rows_of_a_class_has_no_verdict():
    rows = [TFIDF, GOOD]
    judged = judge(rows, metric=DEFAULT.metric("macro_f1"), fewest=4)
    assert (judged["outcome"], judged["worth_it"]) == ("too_few", None)
    assert judged["text"] == (
        "No verdict: a class has only 4 test rows, and macro-F1 needs 10 of each for an interval; the difference of "
        "lora-r8 to tfidf is 5 points in macro-F1."
    )
    assert judge(rows, fewest=4)["outcome"] == "gain"  # accuracy needs no number of rows of a class


def test_one_baseline_that_is_much_alike_hides_no_other():
    alike = baseline("majority", rights((0, 310)))
    behind = candidate("lora-r8", rights((0, 316)))  # differs from majority on 6 rows, and is behind tfidf by 15 points
    judged = judge([alike, baseline("tfidf", rights((300, 316))), behind])
    assert judged["outcome"] == "behind" and judged["worth_it"] is False
    ahead = candidate("lora-r8", rights((6, 310)))
    judged = judge([alike, baseline("tfidf", rights((0, 400))), ahead])
    assert judged["outcome"] == "too_few"
    assert judged["text"].startswith("No verdict: lora-r8 and majority differ on only 6 of 2,000 test rows")


def test_few_groups_have_no_verdict():
    units = Units.of(np.arange(N) // 400)
    judged = judge([TFIDF, candidate("lora-r8", rights((100, 110)))], units=units, group="film")
    assert (judged["outcome"], judged["rows_to_show"]) == ("too_few", None)
    assert judged["text"].startswith(
        "No verdict from 2,000 test rows in 5 groups (film) (a verdict needs 10 groups): lora-r8 differs from tfidf by "
    )
    assert "look" not in judged["text"]


def test_that_a_gain_is_too_small_is_shown_by_the_baseline_of_the_lowest_upper_limit_corrected_for_the_choice():
    near = candidate("lora-r8", rights((20, 310)))  # 20 against 10 with tfidf
    wide = baseline("probe", rights((400, 700)))
    judged = judge([TFIDF, wide, near], gain=0.02)
    assert judged["outcome"] == "no_gain" and "the best baseline (tfidf)" in judged["text"]
    assert judged["text"].endswith("with a 98.5 % interval.")  # 3 % over two baselines


def test_macro_f1_counts_rows_with_other_answers_not_with_other_scores():
    metric = DEFAULT.metric("macro_f1")
    truth = np.arange(N) % 2
    answers = {
        "tfidf": np.where(rights((0, 300)), truth, 1 - truth),
        "lora": np.where(rights((7, 300)), truth, 1 - truth),
    }
    rows = [
        Judged(name, "candidate" if name == "lora" else "baseline", None,
               metric.gains(Outputs(np.zeros((N, 2), np.float32), one), truth), answers=one)
        for name, one in answers.items()
    ]  # fmt: skip
    judged = judge(rows, winner=("lora", None), metric=metric)
    assert judged["text"].startswith("No verdict: lora and tfidf differ on only 7 of 2,000 test rows")
