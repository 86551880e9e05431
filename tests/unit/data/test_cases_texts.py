"""Data cases 37 to 48: values of texts."""

import json

import pytest
from labelled_files import Files, csv_text, texts

from finetooth import preflight

CURE = "To skip such rows, count them and write them to a file: data.on_bad_row: skip"


@pytest.mark.parametrize("text", ["", "   ", "\u200b\u200d\x07"], ids=["37 empty", "38 spaces", "39 zero width"])
def test_case_37_38_39_no_visible_character(files: Files, text: str) -> None:
    dataset = files.load(csv_text() + f"{text},good\n")
    assert texts(dataset)["reviews.csv:22"] == text
    (blank,) = [finding for finding in preflight.inspect(dataset) if finding.code == "empty_texts"]
    assert [row.id for row in blank.rows] == ["reviews.csv:22"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("👩‍👩‍👧‍👦🇩🇪🎬", id="40 emoji families and flags"),
        pytest.param("\u202eevil\u202c text", id="41 bidi override"),
        pytest.param("z\u0351\u036b\u0343\u036aa\u0310\u034c" * 50, id="42 zalgo"),
        pytest.param("这部电影非常好看我很喜欢", id="44 no spaces"),
        pytest.param("a" * 100_000, id="45 100k of one letter"),
        pytest.param("<script>alert(1)</script> '; DROP TABLE x; -- =1+1", id="46 code"),
        pytest.param("[SEP] [MASK] </s> <|endoftext|>", id="47 special tokens"),
    ],
)
def test_case_40_to_47_text_stays_as_it_is(files: Files, text: str) -> None:
    dataset = files.load(csv_text() + f'"{text}",good\n')
    assert texts(dataset)["reviews.csv:22"] == text
    assert "empty_texts" not in [finding.code for finding in preflight.inspect(dataset)]


def test_case_43_nfc_and_nfd_are_one_text(files: Files) -> None:
    test = csv_text(4) + "caf\u00e9,good\n"
    dataset = files.splits(train=csv_text().replace("number", "no") + "cafe\u0301,good\n", test=test)
    assert dataset.summary["leaks"] == [
        {"id": "train.csv:22", "equals": "test.csv:6", "splits": ["train", "test"], "exactly": False}
    ]


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (12, "is a number (12), not a text"),
        (["a", "b"], "is a list (['a', 'b']), not a text"),
        ({"a": 1}, "is an object ({'a': 1}), not a text"),
        (None, "is missing"),
    ],
)
def test_case_48_value_that_is_not_a_text(files: Files, value: object, what: str) -> None:
    good = [json.dumps({"text": f"film {row}", "label": "xy"[row % 2]}) for row in range(20)]
    content = "\n".join([*good, json.dumps({"text": value, "label": "x"})])
    assert files.error(content, "a.jsonl", text="text") == (
        f"a.jsonl row 21: text {what}\nEvery row needs a text; put numbers in quotes.\n1 malformed row in all. {CURE}"
    )
