"""Data cases 72 to 81: JSON lines, cut-off files, and gzip."""

import bz2
import gzip
import json
import tracemalloc

import pytest
from labelled_files import Files, csv_text, texts

from finetooth import recipe
from finetooth.data import jsonl
from finetooth.data.parts import Part

CURE = "To skip such rows, count them and write them to a file: data.on_bad_row: skip"
ADVICE = 'Every line is one JSON object, such as {"text": "a fine film", "label": "positive"}.'


def good(count: int = 20) -> str:
    return "".join(json.dumps({"text": f"film {row}", "label": "xy"[row % 2]}) + "\n" for row in range(count))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        pytest.param('{"text": "a" "b"}', "not valid JSON (expecting ',' delimiter at character 14)", id="72 broken"),
        pytest.param('{"text": "a", "text": "b", "label": "x"}', "the key 'text' occurs twice", id="76 key twice"),
        pytest.param('{"text": "a", "label": NaN}', "NaN is not JSON", id="77 NaN"),
        pytest.param('{"text": "a", "label": -Infinity}', "-Infinity is not JSON", id="77 Infinity"),
        pytest.param('"a text"', "a JSON string, not an object", id="not an object"),
        pytest.param("[" * 100_000, "nested too deeply to read", id="75 nested without end"),
    ],
)
def test_case_72_to_77_lines_that_are_not_rows(files: Files, line: str, what: str) -> None:
    content = good() + line + "\n" + good(1).replace("film 0", "last")
    assert files.error(content, "a.jsonl") == f"a.jsonl row 21: {what}\n{ADVICE}\n1 malformed row in all. {CURE}"
    dataset = files.load(content, "a.jsonl", on_bad_row="skip")
    assert texts(dataset)["a.jsonl:22"] == "last"
    rejected = json.loads((files.folder / "rejects.jsonl").read_text(encoding="utf-8"))
    assert (rejected["id"], rejected["why"]) == ("a.jsonl:21", what)


def test_case_73_blank_lines_and_mark(files: Files) -> None:
    dataset = files.load("\ufeff\n" + good() + "\n\n", "a.jsonl")
    assert texts(dataset)["a.jsonl:2"] == "film 0"


def test_case_74_array_instead_of_lines(files: Files) -> None:
    for content in ('[{"text": "a", "label": "x"}]', '[\n {"text": "a", "label": "x"}\n]'):
        assert files.error(content, "a.jsonl") == (
            "a.jsonl: this is one JSON array, not JSON lines. Write one object per line: jq -c '.[]' FILE > NEW.jsonl"
        )


def test_case_74_an_array_is_refused_before_it_is_decoded(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(line: str) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(jsonl, "_parsed", fail)
    assert "this is one JSON array" in files.error('[{"text": "a", "label": "x"}]', "a.jsonl")


def test_many_bad_lines_take_no_memory(files: Files) -> None:
    part = Part(path=files.write("a.jsonl", good(20) + "no object\n" * 50_000), name="a.jsonl", format="jsonl")
    tracemalloc.start()
    sample = jsonl.read_sample(part, spec=recipe.Data.model_validate({"source": "x"}))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(sample.rows) == 20
    assert peak < 6 * 2**20


def test_case_75_nested_a_thousand_deep(files: Files) -> None:
    deep = '{"text": "a", "label": "x", "more": ' + "[" * 1000 + "]" * 1000 + "}\n"
    try:
        dataset = files.load(good() + deep, "a.jsonl")
    except Exception as error:  # noqa: BLE001 - whether 1,000 are too many depends on the Python
        assert str(error).startswith("a.jsonl row 21: nested too deeply to read\n")
    else:
        assert texts(dataset)["a.jsonl:21"] == "a"


def test_case_78_truncated_last_line(files: Files) -> None:
    assert files.error(good() + '{"text": "a fil', "a.jsonl").splitlines()[0] == (
        "a.jsonl row 21: not valid JSON (unterminated string starting at character 10); the file ends within this row: "
        "was its download cut short?"
    )
    assert files.error(csv_text() + "a fil").splitlines()[0] == (
        "reviews.csv row 22: 1 field where the header has 2; the file ends within this row: was its download cut short?"
    )


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.bz2"])
def test_case_79_compressed(files: Files, name: str) -> None:
    compress = gzip.compress if name.endswith("gz") else bz2.compress
    dataset = files.load(compress(csv_text().encode()), name)
    assert texts(dataset)[f"{name}:2"] == "film number 0 was watched"


@pytest.mark.parametrize("damage", ["truncated", "checksum", "header"])
def test_case_80_damaged_gzip(files: Files, damage: str) -> None:
    content = bytearray(gzip.compress(csv_text(2000).encode()))
    if damage == "truncated":
        del content[len(content) // 2 :]
    elif damage == "checksum":
        content[-6] ^= 1
    else:
        content[3] ^= 0xFF
    message = files.error(bytes(content), "a.csv.gz")
    assert message.startswith("a.csv.gz: the compressed data is cut off or damaged (")
    assert message.endswith("). Fetch the file again, or compress it anew.")


def test_case_80_damaged_bzip2(files: Files) -> None:
    content = bz2.compress(csv_text(2000).encode())
    assert files.error(content[:-20], "a.csv.bz2").startswith("a.csv.bz2: the compressed data is cut off or damaged (")
    broken = content[:100] + bytes(100) + content[200:]
    assert files.error(broken, "a.csv.bz2").startswith("a.csv.bz2: ")


def test_case_81_several_members(files: Files) -> None:
    text = csv_text().encode()
    dataset = files.load(gzip.compress(text), "a.csv.gz")
    parts = files.load(gzip.compress(text[:100]) + gzip.compress(text[100:]), "a.csv.gz")
    assert parts.fingerprint == dataset.fingerprint


def test_a_gzip_bomb_is_refused_in_bounded_memory(files: Files) -> None:
    content = gzip.compress(csv_text().encode()) + gzip.compress((b"a" * 99_993 + b",good\n") * 10) * 100
    path = files.write("a.csv.gz", content)
    tracemalloc.start()
    message = files.error(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "more than the limit of 200 times as many" in message
    assert peak < 300 * 2**20
