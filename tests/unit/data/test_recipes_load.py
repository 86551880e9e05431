"""Every shipped recipe loads its real data set, with the counts that the description of the set states."""

import functools
import os
from pathlib import Path

import numpy as np
import pytest

from finetooth import data, recipe

REPOSITORY = Path(__file__).resolve().parents[3]
MATERIAL = Path(os.environ.get("FINETOOTH_MATERIAL", REPOSITORY.parent / "shared")) / "data"
# recipe: folder, rows (train, validation, test) as they came in, classes; None: that split is carved
SETS = {
    "imdb-distilbert-original": ("imdb", (25_000, None, 25_000), 2),
    "imdb-minilm": ("imdb", (25_000, None, 25_000), 2),
    "imdb-minilm-layers": ("imdb", (25_000, None, 25_000), 2),
    "banking77": ("banking77", (10_003, None, 3_080), 77),
    "germeval2018": ("germeval2018", (5_009, None, 3_532), 2),
    "germeval2018-fine": ("germeval2018", (5_009, None, 3_532), 4),
    "sms-spam": ("sms_spam", (5_574, None, None), 2),
    "sst2": ("sst2", (6_920, 872, 1_821), 2),
    "trec6": ("trec6", (5_452, None, 500), 6),
    "rte": ("rte", (2_127, 363, 277), 2),
}


@functools.cache
def load(name: str) -> data.Dataset:
    folder = MATERIAL / SETS[name][0]
    if not folder.is_dir():
        pytest.skip(
            f"the real data set {folder.name} is not here: set FINETOOTH_MATERIAL to the folder that holds data/"
        )
    file_names = {"train": "train.tsv", "validation": "val.tsv", "test": "dev.tsv"}
    overrides = [f"data.source={folder}"]
    if name == "rte":
        overrides = [f"data.source.{split}={folder / file}" for split, file in file_names.items()]
    spec = recipe.load(REPOSITORY / "recipes" / f"{name}.yaml", overrides=overrides).data
    if isinstance(spec.source, str):
        return data.load(spec, {"all": [Path(spec.source)]})
    return data.load(spec, {split: [folder / file] for split, file in file_names.items()})


def test_there_is_a_test_for_every_recipe() -> None:
    assert {path.stem for path in (REPOSITORY / "recipes").glob("*.yaml")} == set(SETS)


@pytest.mark.parametrize("name", sorted(SETS))
def test_counts_are_those_of_the_set(name: str) -> None:
    dataset = load(name)
    _, rows, classes = SETS[name]
    rows_in = {split: account["in"] for split, account in dataset.summary["rows"].items()}
    carved = sum(rows_in[split] for split, count in zip(rows_in, rows, strict=True) if count is None)
    assert rows_in["train"] + carved == rows[0]
    for split, count in zip(rows_in, rows, strict=True):
        if split != "train" and count is not None:
            assert rows_in[split] == count
    assert len(dataset.classes) == classes
    for account in dataset.summary["rows"].values():
        assert account["rejected"] == 0
        assert account["in"] == account["used"] + sum(account["dropped"].values()) + account["outside"]


def test_imdb_has_123_training_rows_that_are_test_rows() -> None:
    dataset = load("imdb-distilbert-original")
    assert dataset.summary["rows"]["train"]["dropped"] == {"equals a test row": 123}
    assert dataset.classes == ("negative", "positive")
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (500, 500, 500)


def test_imdb_draws_the_test_rows_of_shuffle_and_select() -> None:
    dataset = load("imdb-distilbert-original")
    # numpy.random.default_rng(21).permutation(25000)[:4], which datasets' shuffle(seed=21) uses; rows count from 1
    first = np.random.default_rng(21).permutation(25_000)[:4] + 1
    assert dataset.test.ids[:4] == tuple(f"test.parquet:{row}" for row in first)


def test_sms_spam_keeps_stray_quote_marks() -> None:
    dataset = load("sms-spam")
    quoted = sum('"' in text for split in (dataset.train, dataset.validation, dataset.test) for text in split.texts)
    assert quoted > 100
    assert dataset.classes == ("ham", "spam")
