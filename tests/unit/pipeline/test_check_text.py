"""A check as text: findings with their first rows, and what the test rows can show, within 80 columns."""

from typing import Any

import pytest

from finetooth.pipeline import check_text
from finetooth.pipeline.check_text import describe, warning_lines
from finetooth.preflight import Finding, FlaggedRow

LONG = "A sentence that runs on for longer than a line of eighty columns has room for, and then on and on."


POWER: dict[str, Any] = {
    "metric": "accuracy", "examples": 500, "units": 500, "group": None, "baselines": ["tfidf", "probe"],
    "looks": 1, "alpha": 0.0304,
    "gains": [
        {"discordance": 0.05, "gain": None},
        {"discordance": 0.1, "gain": 0.0478},
        {"discordance": 0.2, "gain": 0.0689},
    ],
    "gain_asked": {"gain": 0.01, "true_gain": 0.02, "discordance": 0.1, "chance": 0.0102},
}  # fmt: skip


def check_report(*findings: Finding, listed: int | None = None) -> dict[str, Any]:
    data = {
        "counts": {"train": {"a": 3, "b": 1, "c": 2}, "validation": {"a": 1, "b": 1, "c": 1}},
        "test_classes": ["a", "b"], "classes": ["a", "b", "c"], "columns": {}, "notes": ["read so."],
        "rows": {"test": {"in": 500, "used": 500, "rejected": 0, "dropped": {}, "outside": 0}},
    }  # fmt: skip
    return {
        "run": "mine",
        "model": None,
        "quick": False,
        "data": data,
        "tokens": {},
        "candidates": [],
        "verdict_power": POWER,
        "findings": [finding.as_json() for finding in findings],
        "fix_list_rows": listed,
        "estimated_seconds": 12.0,
        "estimated_peak_bytes": None,
    }


def rows(count: int) -> tuple[FlaggedRow, ...]:
    return tuple(
        FlaggedRow(f"{'a' if number < 3 else 'b'}.csv:{number}", "train", "read it") for number in range(2, count + 2)
    )


def test_findings_are_shown_with_five_rows_each() -> None:
    text = describe(
        check_report(Finding("x", "warn", LONG, "Do it.", rows(7)), Finding("y", "note", "Fine.", "Do not."))
    )
    assert (
        "Found in the data, the worst first:\n"
        "  warn  A sentence that runs on for longer than a line of eighty columns has\n"
        "        room for, and then on and on.\n"
        "        a.csv row 2; b.csv rows 3, 4, 5, 6 and 2 more\n"
        "        Do it.\n"
        "  note  Fine.\n"
        "        Do not.\n"
    ) in text
    assert max(map(len, text.splitlines())) <= 80


def test_it_says_so_when_nothing_is_wrong_and_how_long_the_fix_list_is() -> None:
    assert "\n\nNothing wrong was found in the data.\n\n" in describe(check_report())
    text = describe(check_report(Finding("x", "warn", "One.", "Do it.", rows(1)), listed=1))
    assert "        Do it.\nThe fix list names 1 row.\n" in text


def test_of_test_rows_only_their_number_and_the_presence_of_classes_is_printed() -> None:
    assert describe(check_report()).splitlines()[2:7] == [
        "rows                               train    validation          test",
        "all                                    6             3           500",
        "  a                                    3             1          some",
        "  b                                    1             1          some",
        "  c                                    2             1          none",
    ]


def described(**changes: Any) -> str:
    """The sentences on the power of the verdict, in one line."""
    text = describe(check_report() | {"verdict_power": POWER | changes})
    return " ".join(text.split("\n\n")[-2].split())


def test_the_gain_that_the_verdict_shows() -> None:
    assert described() == (
        "With 500 test rows and 2 baselines (tfidf and probe), the verdict shows a gain of about 4.8 points or more in "
        "4 of 5 cases if the winner differs from each on 10 % of the rows (no gain at 5 %, 6.9 points at 20 %). If the "
        "true gain is 2 points, it shows at least the 1 point that the recipe asks for in 1 % of cases. The next run "
        "is the first look at these test rows, so its verdict is tested at 3 %."
    )
    assert max(map(len, describe(check_report()).splitlines())) <= 80


def test_units_baselines_and_looks_of_the_verdict() -> None:
    text = described(
        examples=2620, units=112, group="film", baselines=["tfidf"], looks=2, alpha=0.0076, gain_asked=None
    )
    assert text.startswith("With 2,620 test rows in 112 groups (film) and 1 baseline (tfidf), the verdict shows a gain")
    assert text.endswith("at 20 %). The next run is look 2 at these test rows, so its verdict is tested at 0.76 %.")
    assert "With 500 test rows with 480 different texts and 2 baselines" in described(units=480)
    none = [item | {"gain": None} for item in POWER["gains"]]
    assert "the verdict shows no gain in 4 of 5 cases if the winner differs from each on 10 %" in described(gains=none)


def test_it_says_why_no_gain_is_shown_or_estimated() -> None:
    assert described(examples=38, units=38) == "A verdict needs 100 test rows. There are 38, so it can show no gain."
    few = described(units=9, group="film")
    assert (
        few
        == "A verdict needs test rows in 10 groups. There are 500 test rows in 9 groups (film), so it can show no gain."
    )
    by_loss = described(metric="loss", gains=[], gain_asked=None)
    assert by_loss == "The power of a verdict by loss is not estimated; only that by accuracy is."
    alone = described(baselines=[], gains=[], gain_asked=None)
    assert alone == "Without a baseline, there is no verdict whose power could be estimated."


def test_the_last_line_is_what_a_run_takes() -> None:
    assert describe(check_report()).endswith("\n\nEstimated time of the whole run: 12 s.")
    unknown = check_report() | {"estimated_seconds": None}
    assert describe(unknown).endswith("is not known, because there is no candidate to measure.")
    more = check_report() | {"estimated_peak_bytes": 1_604_000_000}
    assert describe(more).endswith("\n\nEstimated time of the whole run: 12 s, in about 1.60 GB of memory.")


def test_a_run_says_what_warns_and_nothing_else() -> None:
    findings = [
        Finding("x", "stop", "No.", ""),
        Finding("y", "warn", LONG, "Do it."),
        Finding("z", "note", "Fine.", ""),
    ]
    assert warning_lines(findings) == [
        "Note: A sentence that runs on for longer than a line of eighty columns has room\n  for, and then on and on."
    ]


def trained(name: str, **changes: Any) -> dict[str, Any]:
    parameters = {"adapter": 1000, "head": 66, "bias": 0, "base": 0, "trainable": 1066, "total": 50_000}
    return {
        "name": name,
        "parameters": parameters | {"peft_percent": 2.1, "plain_percent": 2.132} | changes.pop("parameters", {}),
        "peak_bytes": 1_200_000_000,
        "gpu_peak_bytes": None,
        "steps": 144,
        "most_steps": 144,
        "train_seconds": 50.0,
        "evaluate_seconds": 10.0,
        "targets": ["bert.layer.0.query", "bert.layer.1.query"],
        "plain_step_seconds": None,
        "fallback_reason": None,
        "precision": "float32",
        "cached_bytes": 0,
    } | changes


def test_a_candidate_tells_what_it_adapts_and_full_that_it_trains_all() -> None:
    all_parameters = {"adapter": 0, "base": 49_934, "trainable": 50_000, "plain_percent": 100.0, "peft_percent": None}
    full = trained(
        "full", parameters=all_parameters, targets=[], most_steps=300, fallback_reason="all parameters are trained"
    )
    assert check_text._candidates({"candidates": [trained("r4"), full]}) == (
        "candidate              adapter        head        bias     trained      memory\n"
        "r4                       1,000          66           0       1,066     1.20 GB\n"
        "  2.1320 % of all parameters (2.1000 % as peft counts),\n"
        "  144 steps, about 60 s of training\n"
        "  adapts 2 linear layers: 2 query\n"
        "full                         0          66           0      50,000     1.20 GB\n"
        "  100.0000 % of all parameters,\n"
        "  typically 144 steps, 300 at most, about 60 s of training\n"
        "  trained with padding: all parameters are trained"
    )


def test_on_a_gpu_its_memory_is_told() -> None:
    row = trained("r4", precision="bfloat16", gpu_peak_bytes=2_340_000_000)
    assert list(check_text._training_notes(row)) == ["trained on a GPU in bfloat16, with 2.34 GB of its memory"]


def test_what_dropout_costs_is_told_as_it_was_measured() -> None:
    slow = trained("r4", fallback_reason="dropout of the adapter", step_seconds=0.5, plain_step_seconds=0.2)
    assert list(check_text._training_notes(slow)) == [
        "dropout of the adapter: a step takes 2.5 x as long as without it (measured)"
    ]
    assert max(map(len, check_text._candidates({"candidates": [slow]}).splitlines())) <= 80


def test_a_quick_check_says_plainly_what_it_did_not_estimate() -> None:
    text = check_text.describe(check_report() | {"quick": True, "estimated_seconds": None})
    assert "Not shown, because --quick loads no model: the layers that each candidate" in text
    assert "Estimated time" not in text and "is not known" not in text


@pytest.mark.parametrize(("waited", "noted"), [(None, False), (0.0, False), (0.04, False), (0.1, True), (0.47, True)])
def test_a_busy_machine_is_said_beside_the_estimated_time(waited: float | None, noted: bool) -> None:
    values = {"quick": False, "estimated_seconds": 60.0, "estimated_peak_bytes": None}
    lines = check_text._estimate(
        values | {"candidates": [{"waited_share": 0.0}, {"waited_share": waited}]}
    ).splitlines()
    assert lines[0].startswith("Estimated time of the whole run: ")
    assert (len(lines) > 1) == noted
    if noted:
        assert f"the measured steps waited {100 * (waited or 0):.0f} % of their time for the" in " ".join(lines)
        assert max(map(len, lines)) <= 80
