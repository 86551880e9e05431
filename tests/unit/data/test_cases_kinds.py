"""Data cases 84 to 93: files that are not what their names say, pipes, and files that change while they are read."""

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from labelled_files import Files, csv_text, texts

from finetooth import data, recipe
from finetooth.data import text_file
from finetooth.errors import DataError


def workbook() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            workbook(),
            "reviews.csv: the content is a zip archive or Excel workbook (xlsx). "
            "In Excel: File, Save as, CSV UTF-8; or unzip it.",
        ),
        (
            b"PAR1" + bytes(20),
            "reviews.csv: the content is a Parquet file. Name it with the ending .parquet, or set data.format: parquet",
        ),
        (
            b"\n <!DOCTYPE html><html><body>Sign in</body></html>",
            "reviews.csv: the content is a web page (HTML), perhaps a log-in page. Download the file itself.",
        ),
        (
            b"\x1f\x8b\x08\x00",
            "reviews.csv: the content is gzip data. Name it with the ending .gz, or decompress it.",
        ),
        (
            b"\x28\xb5\x2f\xfd1234",
            "reviews.csv: the content is zstd data. Decompress it: unzstd FILE",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "reviews.csv: the content is a Git LFS pointer, not the data. Fetch the data: git lfs pull",
        ),
    ],
    ids=["84 and 88 xlsx", "84 parquet", "84 html", "84 gzip", "82 zstd", "85 git lfs"],
)
def test_case_84_85_content_of_another_kind_than_the_name(files: Files, content: bytes, message: str) -> None:
    assert files.error(content) == message


def test_case_84_gz_in_name_only(files: Files) -> None:
    assert files.error(csv_text(), "a.csv.gz") == (
        "a.csv.gz: the content is not gzip data. If it is plain text, remove the ending of its name."
    )


def test_case_84_parquet_in_name_only(files: Files) -> None:
    assert files.error(csv_text(), "a.parquet") == (
        "a.parquet: the content is not a Parquet file (it begins b'text,label\\nfilm '). "
        "Set its format: data.format: csv | tsv | jsonl"
    )


def table(**columns: object) -> pyarrow.Table:
    return pyarrow.table(columns)


def parquet(files: Files, content: pyarrow.Table, name: str = "a.parquet") -> Path:
    pyarrow.parquet.write_table(content, files.folder / name)
    return files.folder / name


FILMS = [f"film {row}" for row in range(20)]
KINDS = ["good" if row % 2 else "bad" for row in range(20)]


def test_case_86_parquet_types(files: Files) -> None:
    for kind in (
        pyarrow.string(),
        pyarrow.large_string(),
        pyarrow.binary(),
        pyarrow.dictionary(pyarrow.int32(), "string"),
    ):
        path = parquet(files, table(text=pyarrow.array(FILMS).cast(kind), label=pyarrow.array(KINDS).cast(kind)))
        assert texts(files.load(path))["a.parquet:1"] == "film 0"
    path = parquet(files, table(text=[[text] for text in FILMS], label=KINDS))
    assert files.error(path, text="text").startswith("a.parquet row 1: text is a list (['film 0']), not a text\n")


def test_case_87_parquet_damaged(files: Files) -> None:
    path = parquet(files, table(text=FILMS * 500, label=KINDS * 500))
    content = bytearray(path.read_bytes())
    for start in (10, 100, len(content) // 2):
        content[start : start + 40] = b"\xff" * 40
    path.write_bytes(bytes(content))
    assert files.error(path).startswith("a.parquet: the Parquet data is damaged or cut off (")
    path.write_bytes(bytes(content[: len(content) // 2]))
    assert files.error(path).startswith("a.parquet: the Parquet data is damaged or cut off (")


def test_case_90_pipe_and_device(files: Files) -> None:
    pipe = files.folder / "pipe.csv"
    os.mkfifo(pipe)
    message = "pipe.csv: not a regular file but a pipe, device or folder. Save its content to a file first."
    assert files.error(pipe) == message
    assert files.error(Path("/dev/zero"), format="csv").startswith("zero: not a regular file")


class _Writer:
    """A Progress that changes the file while it is being read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def step(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator["_Writer"]:
        yield self

    def advance(self, count: int = 1, *, note: str = "") -> None:
        if count == 5_000:
            with self._path.open("a") as stream:
                stream.write("one more film,good\n")

    def say(self, line: str) -> None:
        pass


def test_case_91_file_changes_while_it_is_read(files: Files) -> None:
    path = files.write("reviews.csv", csv_text(60_000))
    with pytest.raises(DataError) as caught:
        data.load(recipe.Data.model_validate({"source": str(path)}), {"all": [path]}, progress=_Writer(path))
    assert str(caught.value) == (
        "reviews.csv: the file changed while it was read. Wait until it is complete, then run the command again."
    )


def test_case_92_empty_folder(files: Files) -> None:
    message = (
        f"{files.folder.name}: the folder has no data file and no folders of text files. Name a file or folder "
        "with data in data.source."
    )
    assert files.error(files.folder) == message
    assert files.error(files.folder / "absent.csv") == f"{files.folder / 'absent.csv'}: no such file."


def test_case_92_paths_that_lead_nowhere(files: Files) -> None:
    below = files.write("a.csv", csv_text()) / "b.csv"
    assert files.error(below) == f"{below}: no such file."
    assert files.error(files.folder / "a\0.csv").endswith("a\0.csv: no such file. Did you mean 'a.csv'?")
    loop = files.folder / "loop.csv"
    loop.symlink_to(loop)
    assert files.error(loop) == (
        "loop.csv: cannot be read (Too many levels of symbolic links). Check its path and permissions."
    )


def test_a_text_that_is_longer_than_what_was_read_of_it_has_changed(files: Files) -> None:
    path = files.write("a.txt", "a film")
    text_file.check_unchanged(path, path.stat(), name="a.txt", length=6)
    with pytest.raises(DataError, match=r"^a\.txt: the file changed while it was read\. "):
        text_file.check_unchanged(path, path.stat(), name="a.txt", length=5)


def test_case_93_files_of_different_columns(files: Files) -> None:
    test = csv_text(4).replace("text,label", "review,label")
    assert files.splits_error(train=csv_text(), test=test).startswith(
        "test.csv: there is no column 'text' (data.text). Its columns: 'review' and 'label'."
    )


def test_a_file_is_not_read_as_a_folder(files: Files) -> None:
    assert files.error("text,label\na film,good\n", format="folder") == (
        "reviews.csv: data.format is folder, but this is a file. Name a folder, or remove data.format."
    )
