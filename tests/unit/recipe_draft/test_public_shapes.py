"""Small files with the shapes of ten public data sets, each named without a recipe."""

import random
from pathlib import Path
from typing import Any

import pytest

from finetooth.errors import DataError
from finetooth.progress import Silent
from finetooth.recipe_draft.draft import Draft, draft

WORDS = (
    "the a movie film story plot actor scene music great poor slow fine company profit loss market team player game "
    "win lose said report year day new old long short happy"
).split()


def words(count: int, *, seed: Any) -> str:
    return " ".join(random.Random(str(seed)).choices(WORDS, k=count)) + f" {seed}"


def write(path: Path, lines: list[str], *, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding=encoding, newline="")
    return path


def drafted(path: Path, *overrides: str) -> Draft:
    return draft(str(path), overrides=overrides, progress=Silent())


def columns(made: Draft) -> dict[str, str]:
    return {key: column["name"] for key, column in made.summary["columns"].items()}


def notes(made: Draft) -> str:
    return "\n".join(made.summary["notes"])


def test_mrpc_with_stray_quotes(tmp_path: Path) -> None:
    header, quote = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", '"'
    rows = [
        f"{n * 7 % 3 % 2}\t{1000 + n}\t{5000 + n}\t{quote[: n % 50 == 3]}{words(12, seed=n)}\t{words(12, seed=-n - 1)}"
        for n in range(300)
    ]
    made = drafted(write(tmp_path / "msr_paraphrase_train.tsv", [header, *rows]))
    assert columns(made) == {"text": "#1 String", "label": "Quality"}
    assert 'data.text_pair: "#2 String"' in notes(made)
    assert made.summary["rows"]["train"]["in"] + made.summary["rows"]["test"]["in"] <= 300
    pairs = drafted(tmp_path / "msr_paraphrase_train.tsv", 'data.text_pair="#2 String"')
    assert columns(pairs)["text_pair"] == "#2 String"


@pytest.mark.parametrize("count", [4, 14])
def test_ag_news_and_dbpedia_without_header(tmp_path: Path, count: int) -> None:
    for split, size in (("train", 420), ("test", 84)):
        rows = [
            f'"{n * count // size + 1}","{words(6, seed=f"t{split}{n}")}","{words(20, seed=n)}"' for n in range(size)
        ]
        write(tmp_path / "news" / f"{split}.csv", rows)
    made = drafted(tmp_path / "news")
    assert columns(made) == {"text": "text", "label": "label"}
    assert made.summary["classes"] == [str(number + 1) for number in range(count)]
    assert "'column2'" in notes(made) and "data.text_pair: column2" in notes(made)
    names = [f"class {chr(97 + number)}" for number in range(count)]
    named = drafted(tmp_path / "news", f"data.labels=[{', '.join(names)}]")
    assert named.summary["classes"] == names
    assert "1 = class a, 2 = class b" in notes(named)


def test_cola_without_header_sorted_by_source(tmp_path: Path) -> None:
    rows = [f"s{n // 30:02}\t{int(n % 7 < 5)}\t{'*'[n % 7 < 5 :]}\t{words(8, seed=n)}." for n in range(600)]
    made = drafted(write(tmp_path / "in_domain_train.tsv", rows))
    assert columns(made) == {"text": "text", "label": "label"}
    assert made.summary["classes"] == ["0", "1"]
    assert "column1" in made.summary["left_out"]


def test_snips_and_tweeteval_in_two_files(tmp_path: Path) -> None:
    for split, size in (("train", 200), ("valid", 60), ("test", 60)):
        intents = [("PlayMusic", "GetWeather", "BookRestaurant")[n % 3] for n in range(size)]
        write(tmp_path / "snips" / split / "seq.in", [words(8, seed=f"{split}{n}") for n in range(size)])
        write(tmp_path / "snips" / split / "seq.out", ["O O O"] * size)
        write(tmp_path / "snips" / split / "label", intents)
        name = {"valid": "val"}.get(split, split)
        write(tmp_path / "tweets" / f"{name}_text.txt", [f"@user {words(8, seed=f'{split}{n}')}" for n in range(size)])
        write(tmp_path / "tweets" / f"{name}_labels.txt", [str(n % 3) for n in range(size)])
    write(tmp_path / "tweets" / "mapping.txt", ["0\tnegative", "1\tneutral", "2\tpositive"])
    assert drafted(tmp_path / "snips").summary["classes"] == ["BookRestaurant", "GetWeather", "PlayMusic"]
    made = drafted(tmp_path / "tweets")
    assert made.summary["classes"] == ["negative", "neutral", "positive"]
    assert {split: account["in"] for split, account in made.summary["rows"].items()} == {
        "train": 200, "validation": 60, "test": 60,
    }  # fmt: skip


def test_financial_phrase_bank(tmp_path: Path) -> None:
    rows = [f"{words(14, seed=n)} caf\xe9 .@{('neutral', 'positive', 'negative')[n % 3]}" for n in range(300)]
    made = drafted(write(tmp_path / "Sentences_AllAgree.txt", rows, encoding="latin-1"))
    assert made.summary["classes"] == ["negative", "neutral", "positive"]
    assert columns(made) == {"text": "text", "label": "label"}
    assert {item.key: item.value for item in made.chosen}["delimiter"] == "@"


def test_20_newsgroups(tmp_path: Path) -> None:
    for split, size in (("train", 40), ("test", 15)):
        for group in ("sci.space", "alt.atheism", "rec.autos"):
            for n in range(size):
                text = ["From: a@b", f"Subject: {words(4, seed=n)}", "", words(30, seed=f"{split}{group}{n}")]
                write(tmp_path / "20news" / f"20news-bydate-{split}" / group / str(50_000 + n), text)
    made = drafted(tmp_path / "20news")
    assert made.summary["classes"] == ["alt.atheism", "rec.autos", "sci.space"]
    assert made.summary["rows"]["test"]["used"] == 45


def test_yelp_stars_without_header(tmp_path: Path) -> None:
    rows = [f'"{n % 5 + 1}","{words(30, seed=n)} ""quoted"" \\n a new line"' for n in range(300)]
    made = drafted(write(tmp_path / "yelp" / "train.csv", rows))
    assert made.summary["classes"] == ["1", "2", "3", "4", "5"]
    assert columns(made) == {"text": "text", "label": "label"}


def test_several_labels_and_scores_are_refused_by_column(tmp_path: Path) -> None:
    emotions = [f"{words(9, seed=n)}\t{('2', '5', '2,5', '7')[n % 4]}\tid{n}" for n in range(300)]
    with pytest.raises(DataError, match=r"(?s)label '2,5' looks like several labels in one.* column 'label'"):
        drafted(write(tmp_path / "train.tsv", emotions))
    header = "genre\tyear\tscore\tsentence1\tsentence2"
    scores = [
        f"{('news', 'forum')[n % 2]}\t201{n % 4}\t{n * 7 % 26 / 5:.3f}\t{words(9, seed=n)}\t{words(9, seed=-n - 1)}"
        for n in range(300)
    ]
    path = write(tmp_path / "sts.tsv", [header, *scores])
    with pytest.raises(DataError, match=r"(?s)\(regression\) is not supported yet.* column 'score'"):
        drafted(path)
