"""The column of the labels is chosen by rows from all over a file; every error about labels names it."""

import bz2
import gzip
import io
import itertools
import json
import time
import tracemalloc
from collections.abc import Iterable, Iterator

import pyarrow
import pyarrow.parquet
import pytest
from labelled_files import Files, note

from finetooth import recipe
from finetooth.data import delimited, line_sample, readers
from finetooth.data.parts import Part, Sample

COLUMNS = ["source", "label", "star", "sentence"]


def cola(rows: int = 3_000) -> list[list[str]]:
    """Rows with the shape of CoLA: sorted by source; the first rows have two sources."""
    return [
        [f"g{row // 100:02}", str(int(row % 7 < 5)), "" if row % 7 < 5 else "*", f"they drank the pub dry on day {row}"]
        for row in range(rows)
    ]


def as_text(rows: list[list[str]], delimiter: str = "\t") -> str:
    return "".join(delimiter.join(row) + "\n" for row in rows)


def test_the_label_of_a_file_sorted_by_source_is_not_the_source(files: Files) -> None:
    named = ["origin", "acceptable", "star", "sentence"]
    dataset = files.load(as_text(cola()), "in_domain_train.tsv", columns=named)
    assert dataset.summary["columns"]["label"] == {"name": "acceptable", "how": "fewest distinct values"}
    assert dataset.summary["left_out"] == {
        "origin": "30 values that repeat",
        "star": "blank in 71 % of the sampled rows",
    }
    assert "'origin'" not in note(dataset, "is used as the label")  # too many values to be likely classes


def test_a_column_named_as_an_origin_is_the_last_choice_for_the_label(files: Files) -> None:
    rows = [[f"{'ab'[n % 2]}", f"what a long and winding film {n}", f"{'xy'[n // 2 % 2]}"] for n in range(80)]
    dataset = files.load("source,opinion,verdict\n" + as_text(rows, ","))
    assert dataset.summary["columns"]["label"]["name"] == "verdict"


def test_free_text_with_a_known_name_is_not_the_label_if_another_column_can_be(files: Files) -> None:
    rows = [[f"what is meant by number {n}", f"it is the number {n}", "xyz"[n % 3]] for n in range(60)]
    dataset = files.load("question,answer,verdict\n" + as_text(rows, ","))
    assert dataset.summary["columns"]["label"]["name"] == "verdict"


def test_columns_without_a_header_are_named_by_rows_from_all_over_the_file(files: Files) -> None:
    assert files.error(as_text(cola()), "in_domain_train.tsv").endswith(
        "Name the columns in their order: data.columns: [column1, label, column3, text]"
    )


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz", "a.tsv.bz2", "wide.tsv", "a.jsonl", "a.parquet"])
def test_every_table_is_sampled_over_its_full_length(files: Files, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_sample, "PIECE_BYTES", 2**10)  # as if the file were a large one
    rows = cola()
    text = as_text([COLUMNS, *rows]).encode("utf-16" if name == "wide.tsv" else "utf-8")
    if name.endswith(".gz"):
        content = gzip.compress(text)
    elif name.endswith(".bz2"):
        content = bz2.compress(text)
    elif name.endswith(".jsonl"):
        content = "".join(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows).encode()
    elif name.endswith(".parquet"):
        sink = io.BytesIO()
        table = pyarrow.table({column: [row[index] for row in rows] for index, column in enumerate(COLUMNS)})
        pyarrow.parquet.write_table(table, sink, row_group_size=500)
        content = sink.getvalue()
    else:
        content = text
    part = Part(path=files.write(name, content), name=name, format=name.split(".")[1])  # type: ignore[arg-type]
    spec = recipe.Data.model_validate({"source": "x"})
    first = readers.read_sample(part, spec=spec)
    wide = readers.spread_sample(first)
    assert {row[0] for row in first.rows} == {"g00", "g01"}
    assert len({row[0] for row in wide.rows}) > 24
    assert all(len(row) == 4 for row in wide.rows)


def test_a_large_file_is_sampled_within_bounds(files: Files) -> None:
    path = files.write("big.tsv", as_text([COLUMNS, *cola(600_000)]))
    part = Part(path=path, name="big.tsv", format="tsv")
    first = readers.read_sample(part, spec=recipe.Data.model_validate({"source": "x"}))
    tracemalloc.start()
    start = time.process_time()
    rows = readers.spread_sample(first).rows
    seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len({row[0] for row in rows}) > 25
    assert path.stat().st_size > 10 * line_sample.PIECES * line_sample.PIECE_BYTES
    assert peak < 40 * 2**20
    assert seconds < 2


def test_every_error_about_labels_names_the_column_and_how_to_choose_another(files: Files) -> None:
    rows = [[f"{'abc'[n % 3]}", f"what a long and winding film {n}", f"{n % 2}"] for n in range(60)]
    content = "studio,opinion,verdict\n" + as_text(rows, ",")
    source = (
        "The labels are read from column 'verdict' (fewest distinct values). To read them from another: data.label: "
        "COLUMN, such as studio"
    )
    test = content.replace("film", "show").replace("long", "short").replace("show 59,1", "show 59,7")
    assert files.splits_error(train=content, test=test) == (
        "test.csv row 61: label '7' occurs in no training row.\nThe classes of the training rows are: 0 and 1. Correct "
        f"the rows, or leave them out with data.keep.\n{source}"
    )
    assert source in files.error(content + "a,no label at all is here,\n")
    assert files.error(content, label="studio", keep={"studio": ["a"]}).endswith(
        "The labels are read from column 'studio' (declared). To read them from another: data.label: COLUMN, such as "
        "verdict"
    )


@pytest.mark.parametrize("name", ["speeches.csv", "speeches.csv.gz", "speeches.jsonl"])
def test_a_file_of_very_long_texts_is_sampled_over_its_full_length(files: Files, name: str) -> None:
    rows = [(f"party {row // 90}", f"We, the people, say so {row}.\n" * (400 + 13 * (row % 50))) for row in range(180)]
    text = "wing,speech\n" + "".join(f'{wing},"{speech}"\n' for wing, speech in rows)
    if name.endswith(".jsonl"):
        text = "".join(json.dumps({"wing": wing, "speech": speech}) + "\n" for wing, speech in rows)
    content = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
    assert len(content) > line_sample.PIECES * line_sample.PIECE_BYTES or name.endswith(".gz")
    dataset = files.load(content, name)
    assert dataset.summary["columns"]["label"] == {"name": "wing", "how": "fewest distinct values"}
    assert dataset.summary["columns"]["text"]["name"] == "speech"


def test_rows_are_sampled_evenly_and_never_too_many() -> None:
    assert line_sample.evenly(range(line_sample.MOST_ROWS)) == [*range(line_sample.MOST_ROWS)]
    chosen = line_sample.evenly(range(1_000_000))
    assert line_sample.MOST_ROWS // 2 <= len(chosen) <= line_sample.MOST_ROWS
    assert chosen[0] == 0 and chosen[-1] > 980_000
    assert len({after - before for before, after in itertools.pairwise(chosen)} - {1}) == 1
    assert {number % 16 for number in chosen} == set(range(16))


@pytest.mark.parametrize("piece_bytes", [line_sample.PIECE_BYTES, 2**10])  # the second as if the file were a large one
@pytest.mark.parametrize("classes", ["ab", "abcd", "abcdefgh"])
@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.bz2", "wide.csv", "a.jsonl.gz"])
def test_classes_that_take_turns_are_all_in_the_sample(
    files: Files, name: str, classes: str, piece_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_sample, "PIECE_BYTES", piece_bytes)
    rows = [(f"what a long and winding film {row}", classes[row % len(classes)]) for row in range(5_000)]
    text = "opinion,verdict\n" + "".join(f"{opinion},{verdict}\n" for opinion, verdict in rows)
    if "jsonl" in name:
        text = "".join(json.dumps({"opinion": opinion, "verdict": verdict}) + "\n" for opinion, verdict in rows)
    content = text.encode("utf-16" if name == "wide.csv" else "utf-8")
    content = {"gz": gzip.compress, "bz2": bz2.compress, "csv": bytes}[name.split(".")[-1]](content)
    part = Part(path=files.write(name, content), name=name, format=name.split(".")[1])  # type: ignore[arg-type]
    sample = readers.spread_sample(readers.read_sample(part, spec=recipe.Data.model_validate({"source": "x"})))
    assert {row[1] for row in sample.rows} == set(classes)


def test_classes_of_very_long_texts_that_take_turns_are_all_in_the_sample(files: Files) -> None:
    rows = [(f"wing {row % 4}", f"We, the people, say so {row}.\n" * 80) for row in range(5_000)]
    content = "wing,speech\n" + "".join(f'{wing},"{speech}"\n' for wing, speech in rows)
    part = Part(path=files.write("a.csv", content), name="a.csv", format="csv")
    sample = readers.spread_sample(readers.read_sample(part, spec=recipe.Data.model_validate({"source": "x"})))
    assert {row[0] for row in sample.rows} == {"wing 0", "wing 1", "wing 2", "wing 3"}


def test_of_a_long_compressed_table_only_the_pieces_are_parsed(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []
    inner = delimited.good_records

    def counted(lines: Iterable[str], sample: Sample) -> Iterator[tuple[int, list[str]]]:
        lines = list(lines)
        parsed.append(sum(map(len, lines)))
        return inner(lines, sample)

    content = gzip.compress(as_text([COLUMNS, *cola(100_000)]).encode())
    part = Part(path=files.write("a.tsv.gz", content), name="a.tsv.gz", format="tsv")
    first = readers.read_sample(part, spec=recipe.Data.model_validate({"source": "x"}))
    monkeypatch.setattr(delimited, "good_records", counted)
    assert len({row[0] for row in readers.spread_sample(first).rows}) > 100
    assert sum(parsed) <= 2 * line_sample.PIECES * line_sample.PIECE_BYTES
