"""Small labelled files for the data cases, written as bytes and loaded."""

from pathlib import Path
from typing import Any

import pytest

from finetooth import data, recipe
from finetooth.errors import FinetoothError


def csv_rows(count: int = 20, *, start: int = 0) -> list[str]:
    """Rows `text,label` of two alternating classes, every text different."""
    return [f"film number {row} was watched,{'good' if row % 2 else 'bad'}" for row in range(start, start + count)]


def csv_text(count: int = 20) -> str:
    """A valid CSV file with a header."""
    return "\n".join(["text,label", *csv_rows(count)]) + "\n"


class Files:
    """Writes files into a folder and loads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def load(self, content: str | bytes | Path, name: str = "reviews.csv", **spec: Any) -> data.Dataset:
        path = content if isinstance(content, Path) else self.write(name, content)
        values = {"source": str(path), **spec}
        return data.load(recipe.Data.model_validate(values), {"all": [path]}, rejects=self.folder / "rejects.jsonl")

    def splits(self, *, train: str | bytes, test: str | bytes, suffix: str = "csv", **spec: Any) -> data.Dataset:
        train_path, test_path = self.write(f"train.{suffix}", train), self.write(f"test.{suffix}", test)
        values = {"source": str(self.folder), **spec}
        sources = {"train": [train_path], "test": [test_path]}
        return data.load(recipe.Data.model_validate(values), sources, rejects=self.folder / "rejects.jsonl")

    def error(self, content: str | bytes | Path, name: str = "reviews.csv", **spec: Any) -> str:
        with pytest.raises(FinetoothError) as caught:
            self.load(content, name, **spec)
        return str(caught.value)

    def splits_error(self, **arguments: Any) -> str:
        with pytest.raises(FinetoothError) as caught:
            self.splits(**arguments)
        return str(caught.value)


LABEL_SOURCE = "\nThe labels are read from column 'label' (known name). To read them from another: data.label: COLUMN"


def before_label_source(message: str) -> str:
    """An error about labels without its last line, which names the column of the labels."""
    assert message.endswith(LABEL_SOURCE), message
    return message.removesuffix(LABEL_SOURCE)


def texts(dataset: data.Dataset) -> dict[str, str]:
    """Text by id over all splits."""
    return {
        row: text
        for split in (dataset.train, dataset.validation, dataset.test)
        for row, text in zip(split.ids, split.texts, strict=True)
    }


def labels(dataset: data.Dataset) -> dict[str, str]:
    """Label name by id over all splits."""
    return {
        row: dataset.classes[label]
        for split in (dataset.train, dataset.validation, dataset.test)
        for row, label in zip(split.ids, split.labels.tolist(), strict=True)
    }


def note(dataset: data.Dataset, part: str) -> str:
    """The only note that contains `part`."""
    notes = [line for line in dataset.summary["notes"] if part in line]
    assert len(notes) == 1, dataset.summary["notes"]
    return str(notes[0])
