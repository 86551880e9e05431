"""Laws of splitting: no row is lost, none is in two splits, and everything depends on the seed."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled_files import Files, before_label_source, csv_rows, csv_text, note

from finetooth import data, recipe
from finetooth.data import overlap, splits
from finetooth.data.examples import Examples, rows_id
from finetooth.errors import DataError
from finetooth.runs import ledger
from finetooth.runs.layout import RunFolder
from finetooth.tasks import DEFAULT


def all_rows(dataset: data.Dataset) -> list[str]:
    return [row for split in (dataset.train, dataset.validation, dataset.test) for row in split.ids]


def test_every_row_is_accounted_for(files: Files) -> None:
    train = csv_text(100) + "ragged\n" + "film number 1 shown,good\n"
    test = "text,label\nfilm number 3 was watched,good\nfilm number 1 shown,good\nnew,bad\n"
    spec: dict[str, Any] = {"on_bad_row": "skip", "limit": {"train": 50, "test": 2}, "validation": 10}
    dataset = files.splits(train=train, test=test, **spec)
    assert dataset.summary["rows"] == {
        "train": {"in": 92, "used": 50, "rejected": 1, "dropped": {"equals a test row": 2}, "outside": 39},
        "validation": {"in": 10, "used": 10, "rejected": 0, "dropped": {}, "outside": 0},
        "test": {"in": 3, "used": 2, "rejected": 0, "dropped": {}, "outside": 1},
    }
    assert len(set(all_rows(dataset))) == 62


def test_rejects_of_an_earlier_reading_do_not_stay(files: Files) -> None:
    rejects = files.folder / "rejects.jsonl"
    files.load(csv_text(20) + "ragged\n", on_bad_row="skip")
    assert rejects.is_file()
    files.load(csv_text(20), on_bad_row="skip")
    assert not rejects.exists()


def test_rows_outside_keep_are_counted(files: Files) -> None:
    content = csv_text(20) + "a plot,plot\nanother plot,plot\n"
    dataset = files.load(content, keep={"label": ["good", "bad"]})
    assert dataset.summary["rows"]["train"]["dropped"] == {"outside data.keep": 2}
    assert files.error(content, keep={"label": ["good", "bda"]}) == (
        "data.keep.label: no row has 'bda'. Did you mean 'bad'? The column has: 'bad', 'good', 'plot'."
    )


def test_limits_draw_as_shuffle_and_select_do(files: Files) -> None:
    test = csv_text(30).replace("film", "show")
    limit = {"train": 40, "test": 12}
    dataset = files.splits(train=csv_text(100), test=test, limit=limit, seed=21)
    order = np.random.default_rng(21).permutation(30)[:12] + 2
    assert dataset.test.ids == tuple(f"test.csv:{row}" for row in order)
    order = np.random.default_rng(21).permutation(100)[:40] + 2
    assert dataset.train.ids == tuple(f"train.csv:{row}" for row in order)
    assert note(dataset, "no validation") == (
        "data.source names no validation rows: 4 rows are split off from outside data.limit.train, by class."
    )


def test_a_limit_skips_dropped_rows(files: Files) -> None:
    order = np.random.default_rng(0).permutation(100) + 2
    leaked = csv_rows(100)[int(order[0]) - 2]
    test = f"text,label\n{leaked}\na film,good\nanother film,bad\n"
    dataset = files.splits(train=csv_text(100), test=test, limit={"train": 10}, validation=2)
    assert dataset.train.ids == tuple(f"train.csv:{row}" for row in order[1:11])


def test_the_same_seed_gives_the_same_split_and_another_does_not(files: Files) -> None:
    first, again = files.load(csv_text(100)), files.load(csv_text(100))
    assert first.fingerprint == again.fingerprint
    other = files.load(csv_text(100), seed=1)
    assert other.fingerprint != first.fingerprint
    assert other.test_id != first.test_id


def test_another_seed_over_the_same_file_is_another_look_at_the_rows_in_both(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINETOOTH_STATE", str(tmp_path / "state"))
    datasets = [files.load(csv_text(400), seed=seed) for seed in (0, 1)]
    histories = []
    for dataset in datasets:
        text_keys = overlap.keys(dataset.test.texts, None)
        names = DEFAULT.names(dataset.test.labels, dataset.classes)
        rows = ledger.RowKeys.of(dataset.test_id, text_keys, ledger.row_keys(text_keys, names))
        run = RunFolder(tmp_path / "run")
        histories.append(ledger.open_run(rows, run, run_id=dataset.test_id, run_name="reviews"))
    shared = len(set(datasets[0].test.ids) & set(datasets[1].test.ids))
    assert 0 < shared < len(datasets[1].test)
    assert histories == [ledger.History(), ledger.History(looks=2, rows_seen=shared, runs_seen=1)]


def test_test_id_depends_on_content_alone(files: Files) -> None:
    rows = csv_text(12).replace("film", "show").splitlines()
    first = files.splits(train=csv_text(40), test="\n".join(rows))
    turned = files.splits(train=csv_text(60), test="\n".join([rows[0], *reversed(rows[1:])]), seed=5)
    assert first.test_id == turned.test_id
    assert first.fingerprint != turned.fingerprint


def test_rows_id_depends_on_the_content_of_each_id_only(files: Files) -> None:
    rows = csv_text(12).replace("film", "show").splitlines()
    first = files.splits(train=csv_text(40), test="\n".join(rows))
    turned = files.splits(train=csv_text(60), test="\n".join([rows[0], *reversed(rows[1:])]), seed=5)
    known = rows_id(first.test, classes=first.classes)
    assert first.test_id == turned.test_id and sorted(first.test.ids) == sorted(turned.test.ids)
    assert rows_id(turned.test, classes=turned.classes) != known
    test, back = first.test, np.arange(len(first.test))[::-1]
    texts, ids = (tuple(values[row] for row in back) for values in (test.texts, test.ids))
    assert rows_id(Examples(ids, texts, None, test.labels[back]), classes=first.classes) == known
    assert rows_id(Examples(test.ids, texts, None, test.labels), classes=first.classes) != known


def test_a_split_that_cannot_be_carved_is_an_error_with_its_reason(files: Files) -> None:
    rows = [f"text {author} {row},{'xy'[row % 2]},author {author}" for author in range(4) for row in range(26)]
    by_author = "\n".join(["text,label,author", *rows])
    assert files.error(by_author, group="author") == (
        "no row can be split off for the validation split: 8 of 78 rows are requested, but they form 3 groups that are "
        "not divided; the smallest has 26 rows, and each is too large for the share of its classes. Raise "
        "data.validation, or name a file of validation rows in data.source."
    )
    assert len(files.load(by_author, group="author", validation=26).validation) == 26
    assert files.error("text,label\na,x\nb,y\nc,x\n") == (
        "no row can be split off for the validation split: 1 of 2 rows are requested, but every class must keep a "
        "training row, and no class has more. Add rows, or name a file of validation rows in data.source."
    )
    assert files.error("text,label\n" + "a,x\n" * 4 + "b,y\n" * 4) == (
        "no row can be split off for the test split: 2 of 8 rows are requested, but they form 2 sets of equal texts "
        "that are not divided; the smallest has 4 rows, and each is too large for the share of its classes. Raise "
        "data.test, or name a file of test rows in data.source."
    )


def test_groups_never_cross(files: Files) -> None:
    draw = random.Random(3)
    rows = [f"text {row},{draw.choice('xy')},film {draw.randrange(60)}" for row in range(1500)]
    dataset = files.load("\n".join(["text,label,film", *rows]), group="film", test=0.2, validation=0.1)
    films = {f"reviews.csv:{row}": line.rsplit(",", 1)[1] for row, line in enumerate(rows, 2)}
    films_by_split = [{films[row] for row in split.ids} for split in (dataset.train, dataset.validation, dataset.test)]
    assert not (
        films_by_split[0] & films_by_split[1]
        or films_by_split[0] & films_by_split[2]
        or films_by_split[1] & films_by_split[2]
    )
    assert abs(len(dataset.test) - 300) <= 15
    assert abs(len(dataset.validation) - 120) <= 15


def test_a_test_file_is_never_changed(files: Files) -> None:
    test = "text,label,film\nsame,x,a\nsame,y,a\n,x,b\n"
    train = "text,label,film\n" + "".join(f"text {row},{'xy'[row % 2]},{'abcdef'[row % 6]}\n" for row in range(60))
    dataset = files.splits(train=train, test=test, group="film", validation=20)
    assert dataset.test.ids == ("test.csv:2", "test.csv:3", "test.csv:4")
    assert dataset.summary["rows"]["train"]["dropped"] == {"shares a group with the test rows": 20}


def test_validation_rows_equal_to_test_rows_are_dropped(files: Files) -> None:
    sources = {
        split: [files.write(f"{split}.csv", csv_text(rows))]
        for split, rows in (("test", 2), ("validation", 6), ("train", 20))
    }
    dataset = data.load(recipe.Data.model_validate({"source": "unused"}), sources)
    assert dataset.summary["rows"]["validation"]["dropped"] == {"equals a test row": 2}
    assert dataset.summary["rows"]["train"]["dropped"] == {"equals a test row": 2, "equals a validation row": 4}
    assert len(dataset.train) == 14


def test_counts_that_cannot_be(files: Files) -> None:
    assert files.error(csv_text(20), test=20) == (
        "data.test: 20 rows are requested, but there are only 20 to split them off. Lower data.test."
    )
    message = "data.validation: 2.5 is neither a share below 1 nor a whole number of rows. Round it."
    assert files.error(csv_text(20), validation=2.5) == message


def test_a_limit_that_leaves_one_class(files: Files) -> None:
    content = "text,label\n" + "".join(f"film {row},{'rare' if row == 99 else 'usual'}\n" for row in range(100))
    assert before_label_source(files.error(content, limit={"train": 2})) == (
        "all training rows that are used have the label 'usual', but two or more classes are needed. Raise "
        "data.limit.train, or draw other rows with data.seed."
    )


@settings(deadline=None, max_examples=60)
@given(
    labels=st.lists(st.integers(0, 4), min_size=2, max_size=80),
    joined=st.lists(st.integers(0, 30), min_size=80, max_size=80),
    share=st.floats(0.05, 0.9),
    seed=st.integers(0, 9),
)
def test_carving_keeps_units_together_and_leaves_every_class(
    labels: list[int], joined: list[int], share: float, seed: int
) -> None:
    numbers, units = np.array(labels, dtype=np.int64), np.array(joined[: len(labels)], dtype=np.int64)
    rows, count = np.arange(len(labels), dtype=np.int64), max(1, int(share * len(labels)))
    for unit in (rows, units):
        rng = np.random.default_rng(seed)
        chosen = splits.carve(rows, strata=numbers, units=unit, count=count, rng=rng, spare=True)
        rest = np.setdiff1d(rows, chosen)
        assert len(chosen) <= 2 * count
        assert not set(unit[chosen].tolist()) & set(unit[rest].tolist())
        assert set(numbers[rest].tolist()) == set(labels)
        if unit is rows:
            expected = count * np.bincount(numbers) / len(numbers)
            assert np.all(np.bincount(numbers[chosen], minlength=len(expected)) <= expected + 1)


@pytest.mark.parametrize("spare", [True, False])
def test_single_rows_are_carved_in_the_order_in_which_the_generator_shuffles_them(spare: bool) -> None:
    draw = np.random.default_rng(5)
    strata, units = draw.integers(0, 4, 300), draw.permutation(1000)[:300]
    rows = np.flatnonzero(draw.random(300) < 0.8)
    chosen = splits.carve(rows, strata=strata, units=units, count=60, rng=np.random.default_rng(7), spare=spare)
    order = np.random.default_rng(7).permutation(len(rows))
    shuffled = rows[np.argsort(units[rows])][order].tolist()
    for stratum in range(4):
        taken = [row for row in chosen.tolist() if strata[row] == stratum]
        assert abs(len(taken) - 60 * np.mean(strata[rows] == stratum)) < 1
        assert taken == sorted([row for row in shuffled if strata[row] == stratum][: len(taken)])


def test_a_loaded_data_set_has_no_split_of_one_class_and_no_row_in_two_splits(files: Files) -> None:
    outcomes = []
    for seed in range(80):
        draw = random.Random(seed)

        def table(rows: int, draw: random.Random = draw) -> str:
            made = [
                f"film{draw.choice(['', ' '])} {draw.randrange(2 * rows)},{draw.choice('xxy')}" for _ in range(rows)
            ]
            return "\n".join(["text,label", *made]) + "\n"

        spec: dict[str, Any] = {"seed": seed, "limit": {"train": 30} if seed % 3 else {}}
        try:
            if seed % 2:
                dataset = files.load(table(draw.randrange(10, 80)), **spec)
            else:
                dataset = files.splits(train=table(40), test=table(draw.randrange(2, 20)), **spec)
        except DataError:
            outcomes.append("refused")
            continue
        outcomes.append("loaded")
        every = [dataset.train, dataset.validation, dataset.test]
        assert all(len(set(split.labels.tolist())) > 1 for split in every)
        keys = [set(overlap.keys(split.texts, split.pairs)) for split in every]
        assert sum(map(len, keys)) == len(set.union(*keys))
    assert min(outcomes.count("loaded"), outcomes.count("refused")) >= 10


def test_units_join_through_texts_and_groups() -> None:
    units = overlap.units([b"a", b"b", b"a", b"c", b"d"], ["x", "y", "y", None, None])
    assert units[0] == units[1] == units[2]
    assert len({int(units[0]), int(units[3]), int(units[4])}) == 3


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("a  b\n", "a b", True),
        ("ﬁlm", "film", True),
        ("cafe\u0301", "café", True),
        ("US", "us", False),
        ("a.b", "a b", False),
    ],
)
def test_what_counts_as_the_same_text(left: str, right: str, equal: bool) -> None:
    assert (overlap.normalise(left) == overlap.normalise(right)) is equal


def test_both_texts_of_pairs_are_compared() -> None:
    keys = overlap.keys(["a", "a", "a b"], ["b", "c", ""])
    assert len(set(keys)) == 3


def test_no_path_is_in_ids_or_summary(files: Files, tmp_path: Path) -> None:
    dataset = files.load(csv_text())
    assert str(tmp_path) not in str(dataset.summary)
    with pytest.raises(DataError):
        files.load(csv_text().replace("bad", "good"))
