"""The rows of the table: what each kind of row does, one file for each kind, registered here.

To add one, see "Add a kind of row" in CONTRIBUTING.
"""

from importlib import import_module

from finetooth.row_kinds import (
    CANDIDATE,
    FULL,
    MAJORITY,
    NB_WORDS,
    ORIGINAL,
    OTHER_PROBE,
    PROBE,
    TFIDF,
    RowKind,
    row_kind,
)  # fmt: skip
from finetooth.rows.contract import Row

__all__ = ["Row", "row_of", "rows"]

_FILES = {
    MAJORITY: "text_baseline",
    TFIDF: "text_baseline",
    NB_WORDS: "text_baseline",
    ORIGINAL: "original",
    PROBE: "probe",
    OTHER_PROBE: "probe",
    FULL: "full",
    CANDIDATE: "candidate",
}


def row_of(name: str) -> Row:
    """The functions of the kind of the row with this name.

    The file of the kind is imported now, and torch with it if the kind needs a model.
    """
    return _row(row_kind(name))


def rows() -> tuple[Row, ...]:
    """The functions of every kind of row."""
    return tuple(map(_row, _FILES))


def _row(kind: RowKind) -> Row:
    module_rows: tuple[Row, ...] = import_module(f"finetooth.rows.{_FILES[kind]}").ROWS
    return next(row for row in module_rows if row.kind is kind)
