from finetooth.report.compared import describe


def row(run, name, accuracy, **changes):
    return {
        "run": run,
        "name": name,
        "kind": "candidate",
        "seed": 0,
        "winner": True,
        "heads": None,
        "accuracy": accuracy,
        "accuracy_interval": [accuracy - 0.01, accuracy + 0.01],
        "difference": None,
        "difference_interval": None,
        "p": None,
        "p_holm": None,
    } | changes


def text(*rows, without_winner=(), unlearned=(), **changes):
    return describe(
        {
            "examples": 2620,
            "units": 2620,
            "group": None,
            "within": None,
            "not_shown_within": None,
            "test_openings": 2,
            "test_rows_seen": 2620,
            "test_runs_seen": 1,
            "test_runs_later": 0,
            "alpha": 0.05,
            "reference": {"run": rows[0]["run"], "name": rows[0]["name"], "seed": 0},
            "without_winner": without_winner,
            "unlearned": unlearned,
            "rows": rows,
        }
        | changes
    )


def test_rows_stand_under_their_run_and_the_winners_are_judged_in_words():
    first = row("runs/old", "lora-r8", 0.823)
    baseline = row("runs/old", "tfidf", 0.758, kind="baseline", seed=None, winner=False)
    interval = [-0.034, -0.008]
    worse = row("runs/new", "lora-r4", 0.802, difference=-0.021, difference_interval=interval, p=0.001, p_holm=0.004)
    assert text(baseline, first, worse).replace("tfidf of", "lora-r8 of") == (
        "2,620 test rows, the same in each run: 2,620 of these 2,620 rows were scored\n"
        "  before, in 1 run on this machine.\n"
        "\n"
        "run               row           accuracy  95 % interval                 vs first\n"
        "runs/old          tfidf           75.8 %   74.8 to 76.8\n"
        "                  lora-r8 *       82.3 %   81.3 to 83.3\n"
        "runs/new          lora-r4 *       80.2 %   79.2 to 81.2      -2.1 (-3.4 to -0.8)\n"
        "\n"
        "* the winner of its run. vs first: accuracy minus that of the first run's\n"
        "  winner, in points (95 % interval).\n"
        "runs/new: lora-r4 is 2.1 points (0.8 to 3.4) worse in accuracy than lora-r8 of\n"
        "  runs/old."
    )


def test_the_interval_of_a_loss_has_its_sign_also_where_it_reaches_past_0():
    worse = row("b", "y", 0.78, difference=-0.02, difference_interval=[-0.041, 0.001], p=0.03, p_holm=0.03)
    sentence = "b: y is 2.0 points (-0.1 to 4.1) worse in accuracy than x of a."
    assert text(row("a", "x", 0.8), worse).splitlines()[-1] == sentence


def test_a_difference_that_is_not_shown_is_said_to_be_not_shown():
    near = row("b", "y", 0.81, difference=0.01, difference_interval=[-0.004, 0.024], p=0.2, p_holm=0.2)
    assert text(row("a", "x", 0.8), near).splitlines()[-1] == "b: y differs from x of a by +1.0 points (-0.4 to 2.4)."


def test_whether_a_run_passes_the_gate_is_said():
    near = row("b", "y", 0.81, difference=0.01, difference_interval=[-0.004, 0.024], p=0.2, p_holm=0.2)
    passed = text(row("a", "x", 0.8), near, within=0.005, not_shown_within=[])
    assert passed.endswith(" by +1.0 points (-0.4 to 2.4); it is shown to lose at\n  most 0.5 points.")
    failed = text(row("a", "x", 0.8), near, within=0.003, not_shown_within=["b"])
    assert failed.endswith("; it is not shown to lose\n  at most 0.3 points.")


def test_test_rows_in_groups_are_counted():
    assert text(row("a", "x", 0.8), units=112, group="film").startswith("2,620 test rows in 112 groups (film), the")


def test_a_run_whose_winner_has_not_learned_says_so():
    headline = "y has not learned: it answers 'bad' for 98 % of the validation rows (50 % are 'bad')."
    interval = [-0.32, -0.28]
    worse = row("runs/new", "y", 0.5, difference=-0.3, difference_interval=interval, p=1e-9, p_holm=1e-9)
    shown = text(row("runs/old", "x", 0.8), worse, unlearned=[{"run": "runs/new", "headline": headline}])
    assert shown.endswith(
        "\nruns/new: y is 30.0 points (28.0 to 32.0) worse in accuracy than x of runs/old.\n"
        "runs/new: y has not learned: it answers 'bad' for 98 % of the validation rows\n"
        "  (50 % are 'bad')."
    )


def test_a_run_without_a_winner_has_a_sentence_of_its_own():
    output = text(row("runs/old", "x", 0.8), without_winner=["runs/new"])
    assert output.endswith(
        "\nruns/new: no winner with test figures (none ended well, or it failed on the test\n"
        "  rows); it counts as worse."
    )


def test_seeds_are_named_where_they_are_counted():
    none = {"difference": 0.0, "p": 1.0, "p_holm": 1.0, "winner": False}
    seeds = [row("b", "y", 0.8, seed=seed, **none) for seed in (1, 2)]
    output = text(row("a", "x", 0.8), *seeds)
    assert "y (seed 1)" in output and "y (seed 2)" in output and "x (seed" not in output


def test_of_several_untrained_heads_the_first_is_shown_and_told():
    heads = row("a", "original", 0.5, kind="baseline", winner=False, heads=5)
    output = text(row("a", "x", 0.8), heads)
    sentence = "original: with the first of its random classification layers; `show` prints the mean of all."
    assert sentence in " ".join(output.split())
    assert "original" not in text(row("a", "x", 0.8), heads | {"name": "majority", "heads": None})


def test_no_line_is_wider_than_a_terminal():
    long = "a/very/long/path/to/runs/of/an/experiment"
    far = {"difference": -0.999, "difference_interval": [-0.9999, -0.998], "p": 0.5, "p_holm": 0.5}
    rows = [row(long, "a-candidate-of-a-long-name", 0.99, **far) for _ in range(3)]
    assert max(map(len, text(*rows).splitlines())) <= 80
