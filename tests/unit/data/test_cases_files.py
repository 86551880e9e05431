"""Data cases 1 to 18: files that are empty or short, and all encodings and line ends."""

import pytest
from labelled_files import Files, before_label_source, csv_text, texts

CURE = "To skip such rows, count them and write them to a file: data.on_bad_row: skip"


def test_case_01_empty_file(files: Files) -> None:
    assert files.error("") == "reviews.csv: the file is empty (0 bytes). Name a file with rows."


def test_case_02_header_only(files: Files) -> None:
    message = (
        "reviews.csv: the train split has no usable row. The file has a header but no rows. Name a file with rows."
    )
    assert files.error("text,label\n") == message


def test_case_03_one_row(files: Files) -> None:
    assert before_label_source(files.error("text,label\na fine film,good\n")) == (
        "the training rows hold only the label 'good'; two classes or more are needed. "
        "Check data.label and data.keep, and whether the file is a part of a sorted one."
    )


def test_case_04_only_blank_lines(files: Files) -> None:
    assert files.error("\n\r\n\n") == "reviews.csv: the file has only blank lines. Name a file with rows."
    assert files.error("\n \n", "a.jsonl") == "a.jsonl: the file has only blank lines. Name a file with rows."


def test_case_05_utf8_byte_order_mark(files: Files) -> None:
    dataset = files.load(b"\xef\xbb\xbf" + csv_text().encode())
    assert dataset.summary["columns"]["text"] == {"name": "text", "how": "known name"}
    assert dataset.summary["files"][0]["encoding"] == "utf-8"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_case_06_utf16_with_mark(files: Files, codec: str) -> None:
    dataset = files.load(("\ufeff" + csv_text().replace("film", "Ölfilm")).encode(codec))
    assert texts(dataset)["reviews.csv:2"] == "Ölfilm number 0 was watched"
    assert dataset.summary["files"][0]["encoding"] == "utf-16"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_case_07_utf16_without_mark(files: Files, codec: str) -> None:
    content = csv_text().encode(codec)
    message = f"reviews.csv: looks like UTF-16 without a byte order mark. Set data.encoding: {codec}"
    assert files.error(content) == message
    assert texts(files.load(content, encoding=codec))["reviews.csv:2"] == "film number 0 was watched"


def test_case_08_latin1(files: Files) -> None:
    content = csv_text().replace("film number 3 ", "café crème ").encode("latin-1")
    assert files.error(content) == (
        "reviews.csv row 5: byte 0xe9 after 'caf' is not UTF-8\n"
        "The file looks like cp1252: data.encoding: cp1252\n"
        f"1 malformed row in all. {CURE}"
    )
    assert texts(files.load(content, encoding="latin-1"))["reviews.csv:5"] == "café crème was watched"


@pytest.mark.parametrize(
    ("codec", "words"),
    [
        ("cp1251", "Очень хороший фильм, посмотрел с удовольствием"),
        ("koi8-r", "Очень хороший фильм, посмотрел с удовольствием"),
        ("shift_jis", "とても良い映画でした。また見たいです。"),
        ("euc-jp", "とても良い映画でした。また見たいです。"),
    ],
)
def test_case_09_10_other_encodings_are_named(files: Files, codec: str, words: str) -> None:
    content = csv_text().replace("film number 3 ", words.replace(",", "") + " ").encode(codec)
    message = files.error(content)
    assert f"The file looks like {codec}: data.encoding: {codec}" in message.splitlines()
    assert words.replace(",", "") in texts(files.load(content, encoding=codec))["reviews.csv:5"]


def test_case_11_invalid_utf8_in_row_1(files: Files) -> None:
    content = b"text,label\nbad \xff byte,good\n" + csv_text().encode().split(b"\n", 1)[1]
    assert files.error(content) == (
        "reviews.csv row 2: byte 0xff after 'bad ' is not UTF-8\n"
        "The file looks like cp1252: data.encoding: cp1252\n"
        f"1 malformed row in all. {CURE}"
    )
    dataset = files.load(content, on_bad_row="skip")
    assert dataset.summary["rows"]["train"]["rejected"] == 1
    assert dataset.summary["malformed"] == {"encoding": 1}


@pytest.mark.parametrize("ascii_rows", [0, 20_000])
def test_case_11_one_bad_byte_in_a_file_of_utf8(files: Files, ascii_rows: int) -> None:
    plain = "a film,good\nno film,bad\n" * (ascii_rows // 2)
    content = ("text,label\n" + plain + "ein schöner Abend,good\nüble Sache,bad\n" * 10).encode() + b"caf\xe9,good\n"
    assert files.error(content) == (
        f"reviews.csv row {22 + ascii_rows}: byte 0xe9 after 'caf' is not UTF-8\n"
        "The rest of the file is UTF-8: correct this row, or skip it: data.on_bad_row: skip\n"
        f"1 malformed row in all. {CURE}"
    )
    assert files.error(content, encoding="ascii").splitlines()[-2] == "The file looks like utf-8: data.encoding: utf-8"


def test_case_12_invalid_utf8_in_the_last_row(files: Files) -> None:
    content = ("text,label\n" + "a film,good\nno film,bad\n" * 150_000).encode() + b"bad \xff byte,good\n"
    assert files.error(content).startswith("reviews.csv row 300002: byte 0xff after 'bad ' is not UTF-8\n")


def test_case_13_nul_bytes(files: Files) -> None:
    content = csv_text().replace("number 3 ", "number\0 3 ")
    assert files.error(content) == (
        "reviews.csv row 5: text contains a NUL character\n"
        "The file is damaged, or data.encoding must name its encoding (utf-16?).\n"
        f"1 malformed row in all. {CURE}"
    )


def test_case_14_lone_surrogates(files: Files) -> None:
    lines = ['{"text": "half \\ud800 here", "label": "good"}']
    lines += [f'{{"text": "film {row}", "label": "{"good" if row % 2 else "bad"}"}}' for row in range(20)]
    assert files.error("\n".join(lines), "a.jsonl") == (
        "a.jsonl row 1: text contains the lone surrogate \\ud800\n"
        "A lone surrogate is half a character: write the complete character, or remove the half.\n"
        f"1 malformed row in all. {CURE}"
    )
    files.load("\n".join(lines), "a.jsonl", on_bad_row="skip")
    assert "lone surrogate" in (files.folder / "rejects.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize("end", ["\r\n", "\r", "mixed"])
def test_case_15_16_17_line_ends(files: Files, end: str) -> None:
    plain = files.load(csv_text(), "reviews.csv")
    lines = csv_text().splitlines()
    ends = ["\n", "\r\n", "\r"] * len(lines) if end == "mixed" else [end] * len(lines)
    ended = files.load("".join(line + stop for line, stop in zip(lines, ends, strict=False)), "reviews.csv")
    assert ended.fingerprint == plain.fingerprint


def test_case_18_no_final_newline(files: Files) -> None:
    assert files.load(csv_text().rstrip("\n")).fingerprint == files.load(csv_text()).fingerprint


def test_an_unknown_encoding_names_the_nearest(files: Files) -> None:
    message = "data.encoding: 'latin-l' is not a known text encoding. Did you mean 'latin-1'?"
    assert files.error(csv_text(), encoding="latin-l") == message
    assert files.error(csv_text(), encoding="rot13").startswith("data.encoding: 'rot13' is not a known text encoding.")
