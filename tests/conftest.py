"""Fixtures for several test packages."""

import os
from pathlib import Path

import pytest

# Two threads of OpenMP that wait by spinning slow models this small down tenfold on a busy machine; the bytes are
# the same. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("MKL_CBWR", "AUTO")  # as the processes of a run, whose figures are computed again here

import plans
from finetooth.files import write_file, write_json
from finetooth.runs import complete
from finetooth.runs.layout import RunFolder
from finetooth.runs.results import Costs, Parameters, Reload, ResultsRow, RowCosts, write_costs, write_results


@pytest.fixture
def finished_run(tmp_path: Path) -> Path:
    """A run folder as a finished run leaves it, as far as the table and its JSON go: 200 test rows, one candidate."""
    folder = RunFolder(tmp_path / "runs" / "reviews")
    folder.path.mkdir(parents=True)
    figures = {"examples": 200, "accuracy": 0.75, "loss": 0.5, "macro_f1": 0.74}
    better = {"examples": 200, "accuracy": 0.83, "loss": 0.4, "macro_f1": 0.83}
    lora = ResultsRow(
        name="lora-r8",
        kind="candidate",
        seed=0,
        parameters=Parameters(adapter=1000, head=80, bias=0, total=50_000, peft_percent=2.1),
        validation=better,
        test=better,
        reload=Reload(verified=True, max_abs_logit_difference=0.0),
        best_step=10,
        kept_epoch=1.0,
        head="new",
    )
    tfidf = ResultsRow(name="tfidf", kind="baseline", seed=None, validation=figures, test=figures)
    counts = {"train": 800, "validation": 100, "test": 200}
    plan = plans.plan(test_id="ab" * 32, classes=("fresh", "rotten"), counts=counts)
    write_results(folder, [tfidf, lora], run="reviews", plan=plan, max_tokens=512, winner=("lora-r8", 0))
    spent = RowCosts(name="lora-r8", seed=0, train_seconds=12.0)
    write_costs(
        folder,
        Costs(test_openings=1, rows=[spent], step_seconds={"prepare": 5.0, "train lora-r8": 70.2}, peak_bytes=10**9),
    )
    against = {"difference": 0.08, "p": 0.01, "p_better": 0.01, "p_best_baseline": 0.01, "p_behind": 0.01}
    write_json(
        folder.comparison,
        {
            "schema": 1,
            "level": 0.95,
            "metric": "accuracy",
            "units": 200,
            "group": None,
            "best_baseline": {"name": "tfidf", "seed": None},
            "verdict": {
                "text": "Worth it: lora-r8 beats the best baseline (tfidf) by 8.0 points (2.1 to 13.9).",
                "headline": "Worth it: lora-r8 beats the best baseline (tfidf) by 8.0 points (2.1 to 13.9).",
                "outcome": "gain",
                "worth_it": True,
                "unlearned": None,
                "winner": {"name": "lora-r8", "seed": 0},
                "smallest_sufficient": {"name": "lora-r8", "seed": 0},
                "rows_needed": None,
                "rows_to_show": None,
            },
            "pooled": [],
            "rows": [
                {"name": "tfidf", "seed": None, "interval": [0.69, 0.81], "difference": None, "p": None},
                {"name": "lora-r8", "seed": 0, "interval": [0.77, 0.88], "calibration_error": 0.03, **against},
            ],
        },
    )
    write_file(folder.recipe, b"name: reviews\nmodel: owner/name\ndata: {source: reviews.csv, text: comment}\n")
    write_json(folder.plan, {})
    complete.write_mark(folder, run_id="r")
    return folder.path
