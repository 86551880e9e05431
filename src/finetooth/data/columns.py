"""Which column is the text and which the label: as declared, by a known name, or by what the columns hold."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from finetooth.data import detection
from finetooth.data.detection import Profile
from finetooth.data.names import recipe_list, recipe_word
from finetooth.data.parts import TABLES, Part, Sample
from finetooth.errors import DataError, did_you_mean
from finetooth.recipe import Data

_SHOWN = 5
_NAME_WORDS = 6  # a longer name of a column may be a text


@dataclass(slots=True)
class Columns:
    """The columns to read, by the names in the files.

    how: by use (text, label, ...), how each was chosen. left_out: every other column, and why it is not used; a clause
    to follow its name. notes: what the user should know about the choice. label_source: a sentence on where the labels
    are read from and how to choose another column, for errors about labels.
    """

    text: str
    text_pair: str | None
    label: str | None
    group: str | None
    keep: dict[str, str]
    how: dict[str, str] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    label_source: str = ""

    def wanted(self) -> tuple[str, ...]:
        """Names to read, in a fixed order: text, pair, label, group, then those of `keep` and `slices`."""
        names = [self.text, self.text_pair, self.label, self.group, *self.keep.values(), *self.slices]
        return tuple(name for name in names if name is not None)


def resolve(
    found: Sample, *, part: Part, spec: Data, labelled: bool = True, pairs: bool = True, carved: bool = False
) -> Columns:
    """The columns of the first part, declared or detected; the label is left out where it is not needed.

    pairs: whether two columns that go by the names of a pair of texts are taken as one. carved: whether test rows are
    carved, so that it matters which column may group the rows.
    Raises: DataError listing the columns, with the nearest name, when one is absent or cannot be told.
    """
    _refuse_headless(found, part=part, spec=spec)
    how: dict[str, str] = {}
    text = _declared(spec.text, "text", found, part=part, how=how)
    pair = _declared(spec.text_pair, "text_pair", found, part=part, how=how)
    label = (
        _declared(spec.label, "label", found, part=part, how=how) if labelled or spec.label in found.columns else None
    )
    group = _declared(spec.group, "group", found, part=part, how=how)
    keep = {name: match(name, "keep", found, part=part) for name in spec.keep}
    slices = tuple(match(name, "slices", found, part=part) for name in dict.fromkeys(spec.slices))
    known = detection.profiles(found)
    if text is None and pair is None and pairs and (named := detection.pair_by_name(found.columns)) is not None:
        text, pair = named
        how |= {"text": "known name of a pair", "text_pair": "known name of a pair"}
    taken = {name for name in (text, pair, label, group) if name is not None}
    if text is None:
        text = _detect_text(known, part=part, taken=taken, how=how)
    if label is None and labelled:
        label = _detect_label(known, part=part, taken={*taken, text}, how=how)
    chosen = [name for name in (text, pair, label if labelled else None) if name is not None]
    if len(set(chosen)) < len(chosen):
        raise DataError(f"{part.name}: text, text_pair and label must be different columns; found {', '.join(chosen)}.")
    columns = Columns(
        text=text,
        text_pair=pair,
        label=label if labelled else None,
        group=group,
        keep=keep,
        how=how,
        slices=slices,
    )
    used = {*columns.wanted(), *([label] if label is not None else [])}
    grouping = detection.group_column(known, taken=used) if carved and group is None else None
    columns.left_out = detection.left_out(known, taken=used, paired=pair is not None, group=grouping)
    columns.notes = [*_notes(columns, known, used=used, part=part), *_group_note(grouping, part=part)]
    if columns.label is not None and part.format in TABLES:
        columns.label_source = _label_source(columns)
    return columns


def _label_source(columns: Columns) -> str:
    others = [name for name, reason in columns.left_out.items() if "data.label" in reason][:_SHOWN]
    such = f", such as {', '.join(map(recipe_word, others))}" if others else ""
    return (
        f"The labels are read from column {columns.label!r} ({columns.how['label']}). "
        f"To read them from another: data.label: COLUMN{such}"
    )


@contextmanager
def naming_label(columns: Columns) -> Iterator[None]:
    """Adds to a DataError of the block, which is about labels, the column that they are read from."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{error}\n{columns.label_source}" if columns.label_source else str(error)) from None


def _group_note(name: str | None, *, part: Part) -> Iterator[str]:
    if name is not None:
        yield (
            f"{part.name}: rows of one {name!r} may stand in training and in test rows, and make the test easier than "
            f"new ones are. To keep the rows of each in one split: data.group: {recipe_word(name)}"
        )


def _notes(columns: Columns, known: Mapping[str, Profile], *, used: set[str], part: Part) -> list[str]:
    """What a user should know about columns that were chosen for them or left out."""
    notes = []
    text, pair = columns.text, columns.text_pair
    if pair is not None and columns.how["text_pair"] != "declared":
        notes.append(
            f"{part.name}: columns {text!r} and {pair!r} were taken as a pair of texts, by their names. "
            f"For one of them alone: data.text: {recipe_word(text)}"
        )
    others = [name for name, profile in known.items() if name not in used and name and profile.is_second_text]
    if others and pair is None:
        listed = ", ".join(map(repr, others))
        notes.append(
            f"{part.name}: left out although it holds texts too: {listed}; the text is {text!r} "
            f"({columns.how['text']}). To take it instead: data.text: {recipe_word(others[0])}; "
            f"to give the model both: data.text_pair: {recipe_word(others[0])}"
        )
    if columns.label is not None and columns.how["label"] == "fewest distinct values":
        also = [name for name, reason in columns.left_out.items() if "data.label" in reason]
        others_too = f"; {', '.join(map(repr, also))} could be the label too" if also else ""
        notes.append(
            f"{part.name}: column {columns.label!r} was taken for the label (fewest distinct values, "
            f"{known[columns.label].distinct}){others_too}. Another: data.label: COLUMN"
        )
    return notes


def names_text(found: Sample, *, spec: Data, also: str | None = None) -> bool:
    """Whether a column goes by the declared name of the text, or, where none is declared, by a known one or `also`."""
    known = (*detection.TEXT_NAMES, also or "text") if spec.text is None else (spec.text,)
    wanted = {name.strip().casefold() for name in known}
    return any(column.strip().casefold() in wanted for column in found.columns)


def names_label(found: Sample) -> bool:
    """Whether a column goes by a known name of labels."""
    return any(column.strip().casefold() in detection.LABEL_NAMES for column in found.columns)


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
            else f" If it has no header: data.columns: {recipe_list(detection.names_by_position(found))}"
        )
    )


def _declared(name: str | None, key: str, found: Sample, *, part: Part, how: dict[str, str]) -> str | None:
    if name is None:
        return None
    how[key] = "declared"
    return match(name, key, found, part=part)


def _detect_text(known: Mapping[str, Profile], *, part: Part, taken: set[str], how: dict[str, str]) -> str:
    choice = detection.text_column(known, taken=taken)
    if choice is None:
        raise DataError(
            f"{part.name}: no column looks like text. Name it: data.text: COLUMN (one of {', '.join([*known][:12])})"
        )
    text, how["text"] = choice
    return text


def _detect_label(known: Mapping[str, Profile], *, part: Part, taken: set[str], how: dict[str, str]) -> str:
    choice = detection.label_column(known, taken=taken)
    if choice is None:
        raise DataError(
            f"{part.name}: no column looks like a label. Name it: data.label: COLUMN "
            f"(one of {', '.join([*known][:12])})"
        )
    label, how["label"] = choice
    return label


def data_cell(first: Sequence[str], rest: Sequence[Sequence[Any]], *, spec: Data) -> str:
    """The cell that shows that the first row of a table is data, not names of columns; "" where none does.

    A row that holds a known or a declared name is a header. Else a value that its column repeats shows data; the length
    of a cell does so only where no column repeats its values, for the questions of a form are names too.
    """
    names = {cell.strip().casefold() for cell in first}
    declared = (spec.text, spec.text_pair, spec.label, spec.group, *spec.keep, *spec.slices)
    pairs = (name for pair in detection.PAIR_NAMES for name in pair)
    known = {*detection.TEXT_NAMES, *detection.LABEL_NAMES, *pairs}
    if names & (known | {name.strip().casefold() for name in declared if name}):
        return ""
    by_place = [[value for row in rest if (value := str(row[place]).strip())] for place in range(len(first))]
    distinct = [set(values) for values in by_place]
    repeating = [place for place, values in enumerate(by_place) if values and 2 * len(distinct[place]) <= len(values)]
    if repeating:
        return next((first[place] for place in repeating if first[place].strip() in distinct[place]), "")
    return next((cell for cell in first if len(cell.split()) > _NAME_WORDS), "")


def _refuse_headless(found: Sample, *, part: Part, spec: Data) -> None:
    """A first row of a CSV that is data, not names, would be lost and name the columns wrongly."""
    if part.format not in ("csv", "tsv") or not found.headed or spec.columns is not None or not found.rows:
        return
    if cell := data_cell(found.columns, found.rows, spec=spec):
        raise DataError(
            f"{part.name}: its first row looks like data, not like names of columns ({cell[:60]!r}). "
            f"Name the columns in their order: data.columns: {recipe_list(detection.names_by_position(found))}"
        )
