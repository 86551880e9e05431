"""Chooses the columns of text and label: as the recipe says, by a known name, or by the values of the columns."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from finetooth.data import detection
from finetooth.data.detection import Profile
from finetooth.data.names import folded, recipe_list, recipe_word
from finetooth.data.parts import TABLES, Part, Sample
from finetooth.errors import DataError, did_you_mean
from finetooth.recipe import Data
from finetooth.wording import listed

_SHOWN = 5
_NAME_WORDS = 6  # what has more words may be a text instead of a column's name


@dataclass(slots=True)
class Columns:
    """The columns to read, by their names in the file.

    how: for each use (text, label, ...), how the column was chosen. left_out: for every other column, a clause that
    says why it is not used. notes: about the choice, for the user. label_source: for errors about labels, a sentence on
    the column that they are read from and how to choose another.
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

    def names(self) -> tuple[str, ...]:
        """The names of the columns to read: text, pair, label, group, then those of `keep` and `slices`."""
        names = [self.text, self.text_pair, self.label, self.group, *self.keep.values(), *self.slices]
        return tuple(name for name in names if name is not None)


def resolve(sample: Sample, *, spec: Data, labelled: bool = True, pairs: bool = True, carved: bool = False) -> Columns:
    """The columns of the first part, declared or detected. labelled: whether the label is needed.

    pairs: whether two columns with the names of a pair of texts are used as a pair. carved: whether test rows are
    carved; then a column by which the rows can be grouped is worth a note.
    Raises: DataError listing the columns, with the nearest name, if one is absent or cannot be detected.
    """
    part = sample.part
    _check_header(sample, spec=spec)
    declared = {key: getattr(spec, key) for key in ("text", "text_pair", "label", "group")}
    if not labelled and spec.label not in sample.columns:
        declared["label"] = None
    declared = {key: match(name, key, sample) for key, name in declared.items() if name is not None}
    text, pair, label, group = map(declared.get, ("text", "text_pair", "label", "group"))
    how = dict.fromkeys(declared, "declared")
    keep = {name: match(name, "keep", sample) for name in spec.keep}
    slices = tuple(match(name, "slices", sample) for name in dict.fromkeys(spec.slices))
    profiles = detection.profiles_of(sample.columns, sample.rows)
    if text is None and pair is None and pairs and (names := detection.pair_by_name(sample.columns)) is not None:
        text, pair = names
        how |= {"text": "known name of a pair", "text_pair": "known name of a pair"}
    used = {name for name in (text, pair, label, group) if name is not None}
    if text is None:
        choice = detection.text_column(_without(profiles, used))
        text, how["text"] = _detected(choice, "text", sample)
    if label is None and labelled:
        choice = detection.label_column(_without(profiles, {*used, text}))
        label, how["label"] = _detected(choice, "label", sample)
    columns = Columns(text, pair, label if labelled else None, group, keep, how, slices)
    roles = [name for name in (text, pair, columns.label) if name is not None]
    if len(set(roles)) < len(roles):
        raise DataError(
            f"{part.name}: data.text, data.text_pair and data.label must be different columns, not {', '.join(roles)}. "
            "Name another column for one of them."
        )
    used = {*columns.names(), *([label] if label is not None else [])}
    unused = _without(profiles, used)
    grouping = detection.group_column(unused) if carved and group is None else None
    columns.left_out = detection.left_out(unused, paired=pair is not None, group=grouping)
    columns.notes = _notes(columns, profiles, unused, part=part)
    if grouping is not None:
        columns.notes.append(
            f"{part.name}: rows with the same {grouping!r} may be in both the training and the test split, and make "
            f"the test easier than new data is. To keep them in one split: data.group: {recipe_word(grouping)}"
        )
    if columns.label is not None and part.format in TABLES:
        columns.label_source = _label_source(columns)
    return columns


def _without(profiles: Mapping[str, Profile], used: Collection[str]) -> dict[str, Profile]:
    return {name: profile for name, profile in profiles.items() if name not in used}


def _label_source(columns: Columns) -> str:
    others = [name for name, reason in columns.left_out.items() if "data.label" in reason][:_SHOWN]
    examples = f", such as {', '.join(map(recipe_word, others))}" if others else ""
    return (
        f"The labels are read from column {columns.label!r} ({columns.how['label']}). "
        f"To read them from another: data.label: COLUMN{examples}"
    )


@contextmanager
def naming_label(columns: Columns) -> Iterator[None]:
    """In the block, a DataError (about labels) also names the column that the labels are read from."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{error}\n{columns.label_source}" if columns.label_source else str(error)) from None


def _notes(
    columns: Columns, profiles: Mapping[str, Profile], unused: Mapping[str, Profile], *, part: Part
) -> list[str]:
    """Notes on columns that the user did not choose or that are left out."""
    notes = []
    text, pair = columns.text, columns.text_pair
    if pair is not None and columns.how["text_pair"] != "declared":
        notes.append(
            f"{part.name}: columns {text!r} and {pair!r} are used as a pair of texts, by their names. "
            f"To use only one: data.text: {recipe_word(text)}"
        )
    others = [name for name, profile in unused.items() if name and profile.is_second_text]
    if others and pair is None:
        names = listed([*map(repr, others)])
        have, are = ("has", "is") if len(others) == 1 else ("have", "are")
        notes.append(
            f"{part.name}: the text is column {text!r} ({columns.how['text']}); {names} {have} texts too, but {are} "
            f"not used. To use {recipe_word(others[0])} instead: data.text: {recipe_word(others[0])}; "
            f"to give the model both: data.text_pair: {recipe_word(others[0])}"
        )
    if columns.label is not None and columns.how["label"] == "fewest distinct values":
        labels = [name for name, reason in columns.left_out.items() if "data.label" in reason]
        others_too = f"; {listed([*map(repr, labels)])} could be the label too" if labels else ""
        notes.append(
            f"{part.name}: column {columns.label!r} is used as the label (fewest distinct values, "
            f"{profiles[columns.label].distinct}){others_too}. To use another: data.label: COLUMN"
        )
    return notes


def names_text(sample: Sample, *, spec: Data, also: str = "text") -> bool:
    """Whether a column has the declared name of the text or, if none is declared, a known name or `also`."""
    names = (*detection.TEXT_NAMES, also) if spec.text is None else (spec.text,)
    return not set(map(folded, names)).isdisjoint(map(folded, sample.columns))


def names_label(sample: Sample, declared: str | None = None) -> bool:
    """Whether a column has the declared name of the label or, if none is declared, a known name."""
    names = detection.LABEL_NAMES if declared is None else (declared,)
    return not set(map(folded, names)).isdisjoint(map(folded, sample.columns))


def match(name: str, key: str, sample: Sample) -> str:
    """The column called `name`, or the only one whose name differs just in case and outer spaces.

    Raises: DataError listing the columns, with the nearest name.
    """
    part = sample.part
    if name in sample.columns:
        return name
    plain = folded(name)
    alike = [column for column in sample.columns if folded(column) == plain]
    if len(alike) == 1:
        sample.notes.append(f"{part.name}: column {alike[0]!r} is used for data.{key}: {name!r}.")
        return alike[0]
    message = (
        f"{part.name}: there is no column {name!r} (data.{key}).{did_you_mean(name, sample.columns)} "
        f"Its columns: {listed([*map(repr, sample.columns)], 12)}."
    )
    if sample.headed and part.format not in ("jsonl", "parquet"):
        message += f" If it has no header: {_columns_by_position(sample)}"
    raise DataError(message)


def _detected(choice: tuple[str, str] | None, key: str, sample: Sample) -> tuple[str, str]:
    """The choice, a column and how it was chosen. Raises: DataError if there is none."""
    if choice is None:
        kind = "text" if key == "text" else f"a {key}"
        columns = ", ".join([*dict.fromkeys(sample.columns)][:12])
        raise DataError(
            f"{sample.part.name}: no column looks like {kind}. Name it: data.{key}: COLUMN (one of {columns})"
        )
    return choice


def data_cell(first: Sequence[str], rest: Sequence[Sequence[object]], *, spec: Data) -> str:
    """The cell that shows that the first row of a table is data instead of a header; "" if none does.

    If a cell is a usual column name, or one that the recipe declares, the row is a header. Otherwise, if there are
    columns that repeat their values, a cell that occurs again in such a column is data. If there are none, a cell of
    many words is data; next to a column that repeats values, such a cell may be a name, as a question of a form is.
    """
    names = {folded(cell) for cell in first}
    declared = (spec.text, spec.text_pair, spec.label, spec.group, *spec.keep, *spec.slices)
    pairs = (name for pair in detection.PAIR_NAMES for name in pair)
    usual = {*detection.TEXT_NAMES, *detection.LABEL_NAMES, *pairs}
    if names & (usual | {folded(name) for name in declared if name}):
        return ""
    by_column = [[value for row in rest if (value := str(row[index]).strip())] for index in range(len(first))]
    distinct = [set(values) for values in by_column]
    repeating = [index for index, values in enumerate(by_column) if values and 2 * len(distinct[index]) <= len(values)]
    if repeating:
        return next((first[index] for index in repeating if first[index].strip() in distinct[index]), "")
    return next((cell for cell in first if len(cell.split()) > _NAME_WORDS), "")


def _columns_by_position(sample: Sample) -> str:
    """The setting data.columns for a file whose first row was read as a header, but is data."""
    return f"data.columns: {recipe_list(detection.names_by_position(sample.columns, sample.rows))}"


def _check_header(sample: Sample, *, spec: Data) -> None:
    """Check that the first row of a CSV file is a header. Raises: DataError, with the names to declare, if not."""
    part = sample.part
    if part.format not in ("csv", "tsv") or not sample.headed or spec.columns is not None or not sample.rows:
        return
    if cell := data_cell(sample.columns, sample.rows, spec=spec):
        raise DataError(
            f"{part.name}: its first row looks like data, not like a header ({cell[:60]!r}). "
            f"Name the columns in their order: {_columns_by_position(sample)}"
        )
