from dataclasses import asdict

import numpy as np
import pytest

from finetooth.evaluation import power, verdict
from finetooth.evaluation.intervals import score_interval
from finetooth.evaluation.significance import paired
from finetooth.evaluation.verdict import Judged

N = 2000


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


def judge(rows, winner=("lora-r8", 1), margin=0.005, failed=(), failed_baselines=()):
    standings = verdict.standings_of(rows)
    judged = verdict.judge(
        rows, winner=winner, margin=margin, standings=standings, failed=failed, failed_baselines=failed_baselines
    )
    return asdict(judged)


def test_the_only_candidate_beats_every_baseline():
    assert judge([*BASELINES, GOOD]) == {
        "text": "Worth it: lora-r8 beats the best baseline (tfidf) by 5.0 points (4.1 to 6.0).",
        "headline": "Worth it: lora-r8 beats the best baseline (tfidf) by 5.0 points (4.1 to 6.0).",
        "worth_it": True,
        "unlearned": None,
        "winner": {"name": "lora-r8", "seed": 1},
        "smallest_sufficient": {"name": "lora-r8", "seed": 1},
        "rows_needed": None,
        "rows_to_show": None,
    }


def test_the_winner_loses_to_tfidf():
    bad = candidate("lora-r8", rights((100, 500)))
    judged = judge([*BASELINES, bad])
    assert judged["worth_it"] is False and judged["rows_to_show"] is None
    assert judged["text"] == "Not worth it: the best baseline (tfidf) beats lora-r8 by 5.0 points (3.3 to 6.7)."


def test_the_winner_is_ahead_but_cannot_be_distinguished():
    near = candidate("lora-r8", rights((20, 310)))  # 20 for it, 10 against
    judged = judge([*BASELINES, near])
    assert judged["worth_it"] is False
    pair = paired(near.scores, TFIDF.scores)
    assert (pair.only_a, pair.only_b) == (20, 10) and pair.p > 0.05
    assert judged["rows_to_show"] == power.rows_for_difference(0.005, discordance=31 / 2002)
    assert judged["text"] == (
        "Not shown to be worth it: lora-r8 differs from the best baseline (tfidf) by +0.5 points (0.0 to 1.1) on "
        "2,000 test rows. If the true difference equals the measured one, about 5,200 test rows would show it (80 % "
        "power)."
    )


def test_the_winner_is_behind_but_cannot_be_distinguished():
    near = candidate("lora-r8", rights((10, 320)))
    judged = judge([*BASELINES, near])
    assert judged["worth_it"] is False and judged["rows_to_show"] is None
    assert judged["text"] == (
        "Not shown to be worth it: lora-r8 differs from the best baseline (tfidf) by -0.5 points (-1.1 to 0.0) on "
        "2,000 test rows. With 2,000 test rows, a difference of about 0.9 points or more would be found (80 % power)."
    )
    same = judge([*BASELINES, candidate("lora-r8", TFIDF.scores)])
    assert (
        " by 0.0 points (-0.2 to 0.2) on 2,000 test rows. 2,000 test rows are too few to show any difference"
        in same["text"]
    )


def test_ahead_by_itself_but_one_of_many_to_choose_from():
    near = candidate("lora-r8", rights((25, 310)))  # 25 against 10: p = 0.017 alone
    others = [candidate(f"other-{number}", rights((0, 400 + number)), trained=5000) for number in range(5)]
    assert judge([*BASELINES, near])["worth_it"] is True
    judged = judge([*BASELINES, near, *others])
    assert judged["worth_it"] is False
    assert judged["text"] == (
        "Not shown to be worth it: lora-r8 is ahead of the best baseline (tfidf) by 0.8 points (0.2 to 1.4) on 2,000 "
        "test rows, but p = 0.10 (Holm-corrected for 6 candidates). If the true difference equals the measured "
        "one, about 4,000 test rows would show it (80 % power)."
    )
    alpha = 0.05 / 6
    assert judged["rows_to_show"] == power.rows_for_difference(0.0075, discordance=36 / 2002, alpha=alpha)


def test_seeds_are_named_where_they_are_counted_among_the_candidates():
    near = candidate("lora-r8", rights((25, 310)))
    seeds = [candidate("other", rights((0, 400 + seed)), seed=seed, trained=5000) for seed in range(5)]
    assert "but p = 0.10 (Holm-corrected for 6 candidates and seeds)." in judge([*BASELINES, near, *seeds])["text"]


def test_a_loss_that_one_baseline_alone_would_show_is_not_shown_where_it_is_the_best_of_several():
    near = candidate("lora-r8", rights((10, 322)))  # 10 for it, 22 against
    tight = candidate("lora-r8", rights((10, 325)))  # 10 against 25: p = 0.017
    assert judge([TFIDF, tight])["text"].startswith("Not worth it: the best baseline (tfidf) beats lora-r8 by 0.8 ")
    others = [baseline(f"weak-{number}", rights((0, 1000 + number))) for number in range(3)]
    judged = judge([TFIDF, *others, tight])
    assert judged["worth_it"] is False and judged["rows_to_show"] is None
    assert judged["text"] == (
        "Not shown to be worth it: lora-r8 is behind the best baseline (tfidf) by 0.8 points (0.2 to 1.4) on 2,000 "
        "test rows, but p = 0.067 (corrected for 4 baselines). With 2,000 test rows, a difference of about 1.0 "
        "points or more would be found (80 % power)."
    )
    both = judge([TFIDF, *others, tight, candidate("other", near.scores, trained=5000)])["text"]
    assert "but p = 0.13 (Holm-corrected for 2 candidates and for 4 baselines)." in both


def test_an_interval_above_zero_with_a_p_above_the_level_is_explained():
    few = candidate("lora-r8", rights((5, 300)))  # 5 against 0: exact p = 0.0625
    judged = judge([*BASELINES, few])
    assert judged["worth_it"] is False
    assert (
        "lora-r8 is ahead of the best baseline (tfidf) by 0.2 points (0.1 to 0.6) on 2,000 test rows, "
        "but p = 0.062 (exact McNemar test)."
    ) in judged["text"]


def test_the_baseline_that_is_not_beaten_need_not_be_the_best():
    strong = baseline("tfidf", rights((0, 309)))  # 9 for the candidate, none against
    weak = baseline("probe", rights((300, 620)), seed=2)  # 320 for it, 300 against
    judged = judge([strong, weak, candidate("lora-r8", rights((0, 300)))])
    assert judged["worth_it"] is False
    assert (
        "lora-r8 differs from the baseline probe by +1.0 points (-1.4 to 3.4) on 2,000 test rows." in (judged["text"])
    )


def test_a_smaller_candidate_is_shown_to_suffice():
    small = candidate("lora-r4", rights((50, 252)), trained=500)
    judged = judge([*BASELINES, GOOD, small])
    assert score_interval(0, 2, N)[0] > -0.005
    assert judged["smallest_sufficient"] == {"name": "lora-r4", "seed": 1} and judged["rows_needed"] is None
    assert judged["text"] == (
        "Worth it: lora-r8 beats the best baseline (tfidf) by 5.0 points (4.1 to 6.0). "
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


def test_every_smaller_candidate_is_shown_to_be_worse():
    small = candidate("lora-r4", rights((50, 290)), trained=500)
    judged = judge([*BASELINES, GOOD, small])
    assert judged["smallest_sufficient"] == {"name": "lora-r8", "seed": 1} and judged["rows_needed"] is None
    assert judged["text"].endswith(
        " Every candidate with fewer trained parameters is more than 0.5 points worse than lora-r8 (95 % interval)."
    )


def test_of_several_smaller_ones_the_smallest_that_suffices_is_named_and_the_margin_decides():
    close = candidate("lora-r4", rights((50, 251)), trained=500)
    closer = candidate("lora-r2", rights((50, 258)), trained=250)
    rows = [*BASELINES, GOOD, close, closer]
    assert judge(rows)["smallest_sufficient"]["name"] == "lora-r4"
    assert judge(rows, margin=0.02)["smallest_sufficient"]["name"] == "lora-r2"
    text = judge(rows, margin=0.02)["text"]
    assert "lora-r2, with 250 instead of 1,000 trained parameters, is at most 2 points worse than lora-r8" in text


def test_other_candidates_that_cannot_be_distinguished_are_named():
    others = [candidate(f"big-{number}", rights((50, 250 + number)), trained=5000) for number in range(3)]
    worse = candidate("worse", rights((50, 500)), trained=5000)
    assert judge([*BASELINES, GOOD, others[0], worse])["text"].endswith(
        " big-0 does not differ significantly from lora-r8 on these test rows."
    )
    assert judge([*BASELINES, GOOD, *others])["text"].endswith(
        " big-0, big-1 and big-2 do not differ significantly from lora-r8 on these test rows."
    )


def test_a_candidate_that_is_better_than_the_winner_is_named():
    better = candidate("big", rights((50, 200)), trained=5000)
    assert judge([*BASELINES, GOOD, better])["text"].endswith(
        " On these test rows, lora-r8, which was chosen on the validation rows, is behind big by 2.5 points (1.9 to "
        "3.3)."
    )


def test_candidates_beside_the_winner_are_corrected_for_how_many_there_are():
    ahead = candidate("big", rights((50, 244)), trained=5000)  # 6 for it, none against
    pair = paired(ahead.scores, GOOD.scores)
    assert pair.p < 0.05 < 2 * pair.p
    assert " is behind big by 0.3 points (0.1 to 0.7)." in judge([*BASELINES, GOOD, ahead])["text"]
    same = candidate("same", GOOD.scores, trained=6000)
    assert judge([*BASELINES, GOOD, ahead, same])["text"].endswith(
        " big and same do not differ significantly from lora-r8 on these test rows."
    )


@pytest.mark.parametrize("wrong", [(100, 502), (110, 512)], ids=["sufficient", "open"])
def test_where_it_was_not_worth_it_a_smaller_one_that_is_alike_is_named_all_the_same(wrong):
    bad = candidate("lora-r8", rights((100, 500)))
    small = candidate("lora-r4", rights(wrong), trained=500)
    worse = candidate("lora-r2", rights((100, 600)), trained=250)
    assert judge([*BASELINES, bad, small, worse])["text"] == (
        "Not worth it: the best baseline (tfidf) beats lora-r8 by 5.0 points (3.3 to 6.7). "
        "lora-r4 does not differ significantly from lora-r8 on these test rows."
    )


def test_few_seeds_show_little():
    seeds = [candidate("lora-r8", rights((50, 250 + 10 * seed)), seed=seed) for seed in (1, 2, 3)]
    judged = judge([*BASELINES, *seeds], winner=("lora-r8", 2))
    assert judged["winner"] == {"name": "lora-r8", "seed": 2} and judged["worth_it"] is True
    assert judged["text"] == (
        "Worth it: lora-r8 (seed 2) beats the best baseline (tfidf) by 4.0 points (3.2 to 5.0). "
        "3 seeds are too few to estimate the spread over seeds: lora-r8 had 88.5 to 89.5 % with them."
    )


def test_five_seeds_speak_of_the_recipe():
    seeds = [candidate("lora-r8", rights((50, 250 + 10 * seed)), seed=seed) for seed in range(5)]
    text = judge([*BASELINES, *seeds], winner=("lora-r8", 2))["text"]
    assert text.endswith(
        " Estimated from 5 seeds, the candidate lora-r8 is 4.0 points (2.9 to 5.1) better than tfidf for a new seed "
        "and new examples."
    )
    better = [baseline("tfidf", rights((60, 200)))]
    text = judge([*better, *seeds], winner=("lora-r8", 2))["text"]
    assert text.endswith(
        " Estimated from 5 seeds, the candidate lora-r8 is 4.0 points (2.9 to 5.1) worse than tfidf for a new seed "
        "and new examples."
    )


def test_recipes_whose_interval_holds_zero_cannot_be_distinguished():
    near = [candidate("lora-r8", rights((10 + 10 * (seed % 2), 310)), seed=seed) for seed in range(5)]
    better = baseline("tfidf", rights((6, 300)))
    text = judge([better, *near], winner=("lora-r8", 2))["text"]
    sentence = "the candidate lora-r8 differs from tfidf by -0.1 points (-0.6 to 0.4) for a new seed and new examples."
    assert f" Estimated from 5 seeds, {sentence}" in text
    assert "better" not in text and "worse" not in text


def test_seeds_alike_ones_and_failures_are_all_told():
    seeds = [candidate("lora-r8", rights((50, 250 + 10 * seed)), seed=seed) for seed in (1, 2)]
    big = candidate("big", rights((50, 262)), trained=5000)
    text = judge([*BASELINES, *seeds, big], failed=["lora-r16"], failed_baselines=["probe"])["text"]
    assert text.endswith(
        " 2 seeds are too few to estimate the spread over seeds: lora-r8 had 89.0 to 89.5 % with them."
        " big does not differ significantly from lora-r8 (seed 1) on these test rows."
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
        "lora-r8 beats original by 39.5 points (37.4 to 41.7); whether it was worth it cannot be said, because no "
        "trained baseline (tfidf, probe) was run."
    )
    failed = judge([majority, GOOD], failed_baselines=["tfidf"])
    assert failed["worth_it"] is None
    assert failed["text"].endswith(
        "because no trained baseline (tfidf, probe) ended well. The baseline tfidf failed, so there is no "
        "comparison with it."
    )
    untrained = judge([majority, GOOD], failed_baselines=["majority", "original (seed 2)"])
    assert untrained["text"].endswith(
        "because no trained baseline (tfidf, probe) was run. The baselines majority and original (seed 2) failed, so "
        "there is no comparison with them."
    )
    assert "(tfidf, probe) ended well" in judge([majority, GOOD], failed_baselines=["majority", "probe"])["text"]
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
        (
            full((50, 243), (1000, 1001)),  # 7 for it and 1 against: its interval leaves 0 out, the exact test does not
            "full (9,000 trained parameters) is ahead of lora-r8 by 0.3 points (0.0 to 0.7), but p = 0.070 (exact "
            "McNemar test).",
        ),
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
            "No verdict: there is no candidate. The baseline with the highest accuracy is tfidf.",
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
    assert judged["text"] == "Worth it: lora-r8 beats the best baseline (tfidf) by 0.10 points (0.09 to 0.11)."
