"""The search for wrong labels: confident learning against hand-worked values, and labels made wrong on purpose."""

import hashlib
import re

import numpy as np
import pytest
from labelled_rows import CLASSES, clean_rows, dataset

from finetooth.data import Examples
from finetooth.preflight import Finding, inspect, mislabelled
from finetooth.preflight.data_view import view_of
from finetooth.progress import Silent


def search(findings: list[Finding]) -> Finding:
    (finding,) = [finding for finding in findings if finding.code in ("likely_mislabelled", "mislabelled_unknown")]
    return finding


def test_confidence_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.9, 0.1]])
    labels = np.array([0, 0, 0, 1, 1])
    thresholds = mislabelled.confidence_thresholds(probabilities, labels)
    assert thresholds == pytest.approx([0.6, 0.35])
    likelier, margin = mislabelled.confident(probabilities, labels, thresholds)
    # Row 3 is confidently of class 1 (0.8 >= 0.35), row 5 of class 0 (0.9 >= 0.6); row 4 of its own.
    assert likelier.tolist() == [0, 0, 1, 1, 0]
    assert margin == pytest.approx([0, 0, 0.6, 0, 0.8])


def test_a_class_that_no_row_is_labelled_is_never_the_likelier() -> None:
    probabilities, labels = np.array([[0.1, 0.2, 0.7], [0.3, 0.4, 0.3]]), np.array([0, 1])
    thresholds = mislabelled.confidence_thresholds(probabilities, labels)
    assert thresholds[2] == np.inf
    assert mislabelled.confident(probabilities, labels, thresholds)[0].tolist() == [0, 1]


def test_the_list_ends_where_less_than_half_of_it_could_be_wrong() -> None:
    # 40 planted rows and 1,000 others. Down to 0.4 there are 30 of the planted and 10 others, so that 13 others in all
    # may be wrong at most; down to 0.3 there are 10 others more; down to 0.1 far more than can be wrong.
    margin = np.zeros(1040)
    planted = np.arange(1040) < 40
    margin[:20], margin[40:50] = 0.9, 0.6
    margin[20:30], margin[50:60] = 0.4, 0.3
    margin[60:260] = 0.1
    depth, wrong = mislabelled.cut(margin, planted)
    assert wrong == 0.0  # the clearest twenty are all planted: nothing shows that any other is wrong
    assert depth == 0.3
    margin[40:50] = 0.95
    depth, wrong = mislabelled.cut(margin, planted)
    assert (depth, wrong) == (0.3, pytest.approx(10 / 1000 / (30 / 40)))


def test_nothing_is_listed_if_planted_rows_do_not_stand_out() -> None:
    planted = np.arange(1000) % 49 == 0
    margin = np.where(np.arange(1000) % 2 == 0, np.linspace(1, 0.1, 1000), 0.0)
    assert mislabelled.cut(margin, planted)[0] == np.inf
    assert mislabelled.cut(np.zeros(1000), planted) == (np.inf, 1.0)


def test_rows_that_were_turned_wrong_are_named_with_the_right_label_and_no_others() -> None:
    rows = clean_rows(600)
    wrong = (7, 100, 233, 416, 555)
    for row in wrong:
        text, name = rows[row - 1]
        rows[row - 1] = (text, next(other for other in CLASSES if other != name))
    finding = search(inspect(dataset(rows), mislabelled=True))
    assert finding.code == "likely_mislabelled"
    assert {row.id for row in finding.rows} == {f"train.csv:{row}" for row in wrong}
    named = {row.id: (row.label, row.advice) for row in finding.rows}
    assert named["train.csv:7"] == ("ham", "read it again: it may be ham")
    assert finding.says.startswith(
        "5 of 600 training rows may be mislabelled: TF-IDF models that were not fitted on them are confident of "
        "another label. About 1.0 % or fewer of all labels look wrong to such models."
    )
    assert finding.advice.startswith(
        "Read them in this order: some labels are wrong, others only look so to a model that counts words. Of 40 "
        "labels made wrong for a trial, the list would contain "
    )


def test_of_one_wrong_label_in_eleven_most_are_named_without_a_share() -> None:
    rows = clean_rows(1200)
    wrong = range(0, 1200, 11)
    for row in wrong:
        text, name = rows[row]
        rows[row] = (text, CLASSES[1 - CLASSES.index(name)])
    finding = search(inspect(dataset(rows), mislabelled=True))
    # So few labels turned wrong for a trial allow twice as many wrong ones: no share is said, and nothing warned of.
    assert finding.severity == "note"
    assert finding.says.endswith(
        " are confident of another label. The share of wrong labels is not known: to such models, hard texts look "
        "wrong too."
    )
    assert "%" not in finding.says
    named = {row.id for row in finding.rows}
    right = named & {f"train.csv:{row + 1}" for row in wrong}
    assert len(right) >= 0.5 * len(wrong)
    assert len(right) >= 0.9 * len(named)


def test_the_share_refers_only_to_judged_classes() -> None:
    rows = clean_rows(600)
    for row in (7, 100, 233, 416, 555):
        text, name = rows[row - 1]
        rows[row - 1] = (text, next(other for other in CLASSES if other != name))
    few = clean_rows(100, start=5000, classes=("eggs",))  # too few for a trial
    finding = search(inspect(dataset([*rows, *few], classes=(*CLASSES, "eggs")), mislabelled=True))
    assert finding.says == (
        "5 of 700 training rows may be mislabelled: TF-IDF models that were not fitted on them are confident of "
        "another label. About 1.1 % of the labels of the classes that a trial could judge (600 of 700 rows) look "
        "wrong to such models."
    )


def test_many_wrong_labels_among_many_rows_warn_with_a_share_that_is_near() -> None:
    rows = clean_rows(6000)
    for row in range(0, 6000, 16):
        text, name = rows[row]
        rows[row] = (text, CLASSES[1 - CLASSES.index(name)])
    finding = search(inspect(dataset(rows), mislabelled=True))
    assert finding.severity == "warn"
    share = re.search(r" About (\d+\.\d) % of all labels look wrong to such models\.$", finding.says)
    assert share and abs(float(share[1]) - 100 / 16) < 1.5


def test_the_estimate_is_no_bound_and_so_said_as_about_while_the_upper_limit_seldom_is_below_the_truth() -> None:
    random, trials, true = np.random.default_rng(3), 300, 0.03
    below, beyond = 0, 0
    for _ in range(trials):
        # 1,000 rows, 30 of them wrong, and 30 planted ones that are as clear; some right rows look wrong, less clearly.
        margin = np.concatenate([random.beta(4, 2, 60), np.maximum(random.normal(-0.3, 0.2, 970), 0)])
        planted = np.arange(1030) < 30
        below += mislabelled.cut(margin, planted)[1] < true
        beyond += mislabelled.upper_limit(margin, planted) < true
    assert below / trials > 0.2
    assert beyond / trials <= 0.1


@pytest.mark.parametrize(("hard", "named", "share"), [(0.01, True, True), (0.15, True, False), (0.45, False, False)])
def test_a_share_is_shown_only_if_it_is_narrow(
    monkeypatch: pytest.MonkeyPatch, hard: float, named: bool, share: bool
) -> None:
    """600 rows with a share of rows that are hard for the models, as in a language they know badly."""
    rows = dataset(clean_rows(600))

    def logits(examples: Examples, folds: object, *, classes: int, advance: object) -> np.ndarray:
        hard_rows = np.random.default_rng(0).random(len(examples)) < hard
        seen = np.where(hard_rows, 1 - rows.train.labels, rows.train.labels)
        sure = np.random.default_rng(1).uniform(0.6, 0.95, len(examples))
        probabilities = np.where(np.arange(2) == seen[:, None], sure[:, None], 1 - sure[:, None])
        return np.log(probabilities).astype(np.float32)

    monkeypatch.setattr(mislabelled, "cross_validated", logits)
    finding = search(inspect(rows, mislabelled=True))
    assert "At most" not in finding.says
    assert (finding.code == "likely_mislabelled") is named
    assert ("look wrong to such models." in finding.says) is share
    if not named:
        assert finding.says == (
            "No mislabelled rows can be named: TF-IDF models do not recognise labels that were made wrong for a trial."
        )


def test_the_upper_limit_of_a_share_is_that_of_the_planted_labels_caught_at_a_fixed_depth() -> None:
    margin, planted = np.zeros(1020), np.arange(1020) < 20
    margin[:10], margin[20:30] = 0.5, 0.6  # half of the planted, and 10 of the 1,000 others
    margin[10:20], margin[30:200] = 0.1, 0.2
    # Clopper-Pearson: 10 of 20 caught may be 27.2 % at the least.
    assert mislabelled.upper_limit(margin, planted) == pytest.approx(10 / 1000 / 0.27196, rel=1e-4)
    assert mislabelled.upper_limit(np.zeros(1020), planted) == 1.0


def test_a_note_says_why_no_rows_can_be_named() -> None:
    few = search(inspect(dataset(clean_rows(199)), mislabelled=True))
    assert (few.severity, few.says) == (
        "note",
        "No mislabelled rows can be named: 199 training rows are too few for the search.",
    )
    noise = [
        (f"word{row * 7919 % 31} word{row * 104729 % 37} row{row}", CLASSES[row * 31337 % 7 % 2]) for row in range(400)
    ]
    weak = search(inspect(dataset(noise), mislabelled=True))
    assert weak.says == (
        "No mislabelled rows can be named: TF-IDF models do not recognise labels that were made wrong for a trial."
    )


def test_equal_texts_share_a_fold_and_classes_are_spread() -> None:
    keys = [bytes([index % 100, index // 100, 7]) for index in range(150)] + [bytes([3, 0, 7])] * 3
    labels = np.array([index % 3 for index in range(150)] + [2, 0, 1])
    folds = mislabelled.folds(keys, labels, count=mislabelled.FOLDS)
    assert len({folds[index] for index, key in enumerate(keys) if key == keys[3]}) == 1
    counts = [np.bincount(labels[folds == fold], minlength=3) for fold in range(mislabelled.FOLDS)]
    assert np.ptp(counts) <= 4


def test_the_searched_rows_are_drawn_by_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mislabelled, "MOST_ROWS", 250)
    one, other = (mislabelled.judge(view_of(dataset(seed=seed)), progress=Silent()) for seed in (1, 2))
    assert one.examples.ids == other.examples.ids
    assert len(one.examples) == 250


def test_planting_turns_labels_wrong_and_leaves_the_rest() -> None:
    keys = [hashlib.blake2b(b"%d" % index, digest_size=16).digest() for index in range(3000)]
    labels = np.array([0] * 2000 + [1] * 600 + [2, 3] * 150 + [4, 5] * 50)
    groups = mislabelled.group(labels, classes=7)
    assert groups.tolist() == [0, 1, 2, 2, 2, 2, 2]
    planted, turned = mislabelled.plant(keys, labels, groups=groups)
    assert (turned[planted] != labels[planted]).all() and (turned[~planted] == labels[~planted]).all()
    # 2 % of 2,000 rows; at least 20 of 600 and of 400, the small classes together.
    assert np.bincount(groups[turned[planted]]).tolist() == [40, 20, 20]
    assert set(turned[planted].tolist()) >= {0, 1, 2, 3}


def test_classes_that_are_too_few_even_together_are_not_judged() -> None:
    assert mislabelled.group(np.array([0] * 300 + [1] * 100 + [2] * 50), classes=3).tolist() == [0, -1, -1]


def test_wrong_labels_are_not_searched_for_among_very_many_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mislabelled, "judge", lambda *_, **__: pytest.fail("the search is too slow for so many"))
    classes = tuple(f"class {number:03}" for number in range(mislabelled.MOST_CLASSES + 1))
    train = [(f"text {row}", classes[row % len(classes)]) for row in range(2 * len(classes))]
    seen = view_of(dataset(train, train[:400], train[:400], classes=classes))
    (finding,) = mislabelled.find(seen, progress=Silent())
    assert (finding.code, finding.says) == (
        "mislabelled_unknown", "No mislabelled rows can be named: 301 classes are too many for the search."
    )  # fmt: skip
