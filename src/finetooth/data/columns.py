"""Which column is the text and which the label: as declared, by a known name, or by what the columns hold."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from finetooth.data.rows import Part, Sample
from finetooth.errors import DataError, did_you_mean
from finetooth.recipe import Data

_TEXT_NAMES = (
    "text", "sentence", "review", "review_text", "content", "comment", "comment_text", "message", "body", "tweet",
    "utterance", "question", "query", "document", "snippet", "description", "abstract", "sms", "post", "title",
)  # fmt: skip
_LABEL_NAMES = (
    "label", "labels", "label_text", "category", "class", "target", "sentiment", "intent", "topic", "polarity", "stars",
    "rating", "tag", "emotion", "coarse_label", "answer", "y",
)  # fmt: skip
_PAIRS = (("sentence1", "sentence2"), ("premise", "hypothesis"), ("text1", "text2"), ("question1", "question2"))
_MOST_VALUES_SHARE = 0.5


@dataclass(slots=True)
class Columns:
    """The columns to read, by the names in the files. how: for the summary, how each was found."""

    text: str
    text_pair: str | None
    label: str | None
    group: str | None
    keep: dict[str, str]
    how: dict[str, str] = field(default_factory=dict)
    slices: tuple[str, ...] = ()

    def wanted(self) -> tuple[str, ...]:
        """Names to read, in a fixed order: text, pair, label, group, then those of `keep` and `slices`."""
        names = [self.text, self.text_pair, self.label, self.group, *self.keep.values(), *self.slices]
        return tuple(name for name in names if name is not None)


def resolve(found: Sample, *, part: Part, spec: Data, labelled: bool = True) -> Columns:
    """The columns of the first part, declared or detected; the label is left out where it is not needed.

    Raises: DataError listing the columns, with the nearest name, when one is absent or cannot be told.
    """
    _refuse_headless(found, part=part, spec=spec)
    how: dict[str, str] = {}
    pair = _declared(spec.text_pair, "text_pair", found, part=part, how=how)
    label = (
        _declared(spec.label, "label", found, part=part, how=how) if labelled or spec.label in found.columns else None
    )
    group = _declared(spec.group, "group", found, part=part, how=how)
    keep = {name: match(name, "keep", found, part=part) for name in spec.keep}
    slices = tuple(match(name, "slices", found, part=part) for name in dict.fromkeys(spec.slices))
    text = _declared(spec.text, "text", found, part=part, how=how)
    taken = {name for name in (pair, label, group) if name is not None}
    if text is None:
        text = _detect_text(found, part=part, taken=taken, spec=spec, how=how)
    if label is None and labelled:
        label = _detect_label(found, part=part, taken={*taken, text}, how=how)
    chosen = [name for name in (text, pair, label if labelled else None) if name is not None]
    if len(set(chosen)) < len(chosen):
        raise DataError(f"{part.name}: text, text_pair and label must be different columns; found {', '.join(chosen)}.")
    return Columns(
        text=text,
        text_pair=pair,
        label=label if labelled else None,
        group=group,
        keep=keep,
        how=how,
        slices=slices,
    )


def names_text(found: Sample, *, spec: Data, also: str | None = None) -> bool:
    """Whether a column goes by the declared name of the text, or, where none is declared, by a known one or `also`."""
    known = (*_TEXT_NAMES, also or "text") if spec.text is None else (spec.text,)
    wanted = {name.strip().casefold() for name in known}
    return any(column.strip().casefold() in wanted for column in found.columns)


def names_label(found: Sample) -> bool:
    """Whether a column goes by a known name of labels."""
    return any(column.strip().casefold() in _LABEL_NAMES for column in found.columns)


def match(name: str, key: str, found: Sample, *, part: Part) -> str:
    """The column that `name` means: the same, or the only one that differs in case and outer spaces alone.

    Raises: DataError listing the columns, with the nearest name.
    """
    if name in found.columns:
        return name
    plain = name.strip().casefold()
    alike = [column for column in found.columns if column.strip().casefold() == plain]
    if len(alike) == 1:
        found.notes.append(f"{part.name}: column {alike[0]!r} was taken for data.{key}: {name!r}.")
        return alike[0]
    listed = ", ".join(repr(column) for column in found.columns[:12])
    more = f" and {len(found.columns) - 12} more" if len(found.columns) > 12 else ""
    raise DataError(
        f"{part.name}: there is no column {name!r} (data.{key}).{did_you_mean(name, found.columns)} "
        f"Its columns: {listed}{more}."
        + (
            ""
            if not found.headed or part.format in ("jsonl", "parquet")
            else " If it has no header: data.columns: [text, label]"
        )
    )


def _declared(name: str | None, key: str, found: Sample, *, part: Part, how: dict[str, str]) -> str | None:
    if name is None:
        return None
    how[key] = "declared"
    return match(name, key, found, part=part)


def _detect_text(found: Sample, *, part: Part, taken: set[str], spec: Data, how: dict[str, str]) -> str:
    lower = {column.strip().casefold(): column for column in reversed(found.columns)}
    for first, second in _PAIRS:
        if first in lower and second in lower and spec.text_pair is None:
            raise DataError(
                f"{part.name}: columns {lower[first]!r} and {lower[second]!r} look like a pair of texts. "
                f"Set data.text: {lower[first]} and data.text_pair: {lower[second]}, or data.text alone for one text."
            )
    for name in _TEXT_NAMES:
        if name in lower and lower[name] not in taken and (not found.rows or _is_text(_values(found, lower[name]))):
            how["text"] = "known name"
            return lower[name]
    lengths = {
        column: sum(map(len, values)) / len(values)
        for column in found.columns
        if column not in taken and _is_text(values := _values(found, column))
    }
    if not lengths:
        raise DataError(
            f"{part.name}: no column looks like text. Name it: data.text: COLUMN "
            f"(one of {', '.join(found.columns[:12])})"
        )
    how["text"] = "longest free text"
    return max(lengths, key=lambda column: lengths[column])


def _detect_label(found: Sample, *, part: Part, taken: set[str], how: dict[str, str]) -> str:
    lower = {column.strip().casefold(): column for column in reversed(found.columns)}
    for name in _LABEL_NAMES:
        if name in lower and lower[name] not in taken:
            how["label"] = "known name"
            return lower[name]
    few = {}
    for column in found.columns:
        values = [] if column in taken else [repr(value) for value in _values(found, column)]
        distinct = len(set(values))
        if distinct >= 2 and distinct <= max(2, int(_MOST_VALUES_SHARE * len(values))):
            few[column] = distinct
    if not few:
        raise DataError(
            f"{part.name}: no column looks like a label. Name it: data.label: COLUMN "
            f"(one of {', '.join(found.columns[:12])})"
        )
    how["label"] = "fewest distinct values"
    return min(few, key=lambda column: few[column])


def _values(found: Sample, column: str) -> list[Any]:
    place = found.columns.index(column)
    return [row[place] for row in found.rows if row[place] is not None and row[place] != ""]


def _is_text(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(value, str | bytes) for value in values)


def _refuse_headless(found: Sample, *, part: Part, spec: Data) -> None:
    """A first row of a CSV that is data, not names, would be lost and name the columns wrongly."""
    if part.format not in ("csv", "tsv") or not found.headed or spec.columns is not None or not found.rows:
        return
    names = [column.strip().casefold() for column in found.columns]
    told = {name.strip().casefold() for name in (spec.text, spec.label, spec.text_pair, spec.group) if name}
    if set(names) & (told | set(_TEXT_NAMES) | set(_LABEL_NAMES) | {name for pair in _PAIRS for name in pair}):
        return
    for place, column in enumerate(found.columns):
        values = [row[place] for row in found.rows]
        if column and ((column in values and len(set(values)) <= len(values) / 2) or len(column.split()) > 6):
            raise DataError(
                f"{part.name}: its first row looks like data, not like names of columns ({column[:60]!r}). "
                "Name the columns in their order: data.columns: [text, label]"
            )
