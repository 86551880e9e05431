"""Where the time went, as text."""

from finetooth.report.profile import PARTS, profile_of


def test_parts_and_steps_are_shown_within_80_columns():
    spent = dict(zip(PARTS, (12.34, 100.0, 1234.5, 0.04, 9.0, 0.5), strict=True))
    assert list(spent) == ["frozen_layers", "forward", "backward", "optimizer", "evaluate", "save"]
    figures = {
        "rows": [
            {"name": "tfidf", "seed": None, "part_seconds": None},
            {"name": "a-candidate-with-a-long-name", "seed": 21, "part_seconds": spent},
            {"name": "plain", "seed": 0, "part_seconds": {"forward": 1.0}},
        ],
        "step_seconds": {"prepare": 6.4, "train plain": 82.15},
    }  # fmt: skip
    assert profile_of(figures).splitlines() == [
        "seconds of training        frozen  forward backward optimiz… evaluate     save",
        "a-candidate-with-a-lon…      12.3    100.0   1234.5      0.0      9.0      0.5",
        "plain (seed 0)                0.0      1.0      0.0      0.0      0.0      0.0",
        "",
        "seconds of each step, starts of processes included",
        "  prepare                             6.4",
        "  train plain                        82.2",
    ]
    assert max(map(len, profile_of(figures).splitlines())) <= 80
