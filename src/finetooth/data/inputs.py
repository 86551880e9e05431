"""Reads inference data: files to evaluate or predict with a finished run.

They are read as the data of the run was, except where their names, bytes or headers show another form.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from finetooth.data import column_roles, delimited, discover, readers, splits, text_file
from finetooth.data.examples import Examples
from finetooth.data.load import check_labels, files_of
from finetooth.data.names import folded
from finetooth.data.parts import TABLES, Format, Part, Sample
from finetooth.data.readers import Table
from finetooth.errors import DataError
from finetooth.progress import Progress, Silent
from finetooth.recipe import Data
from finetooth.tasks import DEFAULT, Task
from finetooth.wording import listed, shown

_SHOWN = 5


def read_labelled(
    spec: Data,
    paths: Sequence[Path],
    *,
    classes: Sequence[str],
    run_columns: Mapping[str, str] | None = None,
    first_label_number: int | None = None,
    task: Task = DEFAULT,
    progress: Progress | None = None,
) -> Examples:
    """All labelled rows at `paths` in file order, numbered by `classes`; of a folder with splits, the test rows.

    spec: how the training data was read. The format, encoding and delimiter that a file's name and bytes show take
    precedence. A number means the class at that position only if spec.labels fixed the order of the classes.
    run_columns: the columns (text, text_pair, label) that the run detected where spec names none; None outside a run.
    first_label_number: the number of the first class, if the labels of the training data were numbers for names.
    task: what the labels are. progress: receives notes on how many rows are used and how the files are read.
    Raises: DataError as load(), for a label that is not in `classes`, and for a source with training rows only.
    """
    progress, outside, run_columns = progress or Silent(), run_columns is None, run_columns or {}
    group = spec.group
    files, spec = _find_files(spec.model_copy(update={"group": None, "slices": []}), paths)
    parts = _parts_to_score(files)
    first = parts[0]
    notes: list[str] = []
    spec = _fit_to_encoding(parts, spec, notes)
    spec = _fit_to_header(first, spec, run_columns, notes)
    head = readers.read_sample(first, spec=spec)
    spec = _with_run_columns(spec, run_columns, head)
    if group in head.columns:
        spec = spec.model_copy(update={"group": group})
    elif group is not None:
        notes.append(f"there is no column '{shown(group)}', the run's data.group, so each text counts as independent.")
    if spec.label is None and "label" in run_columns and first.format in TABLES and not column_roles.names_label(head):
        raise DataError(_missing_column(run_columns, "label", head))
    chosen = column_roles.resolve(head, spec=spec, pairs=outside)
    notes += _detected_notes(chosen, run_columns, part=first)
    table = readers.read_split(parts, chosen, split="test", spec=spec, task=task, progress=progress)
    left_out = f" data.keep of the run's recipe leaves out {table.outside_keep:,}." if table.outside_keep else ""
    if not table.ids:
        raise DataError(f"{files_of(table)}: the file has no usable row.{left_out} Name a file with rows.")
    with column_roles.naming_label(chosen):
        labels = task.resolve(set(table.labels), declared=classes, least=0, first_number=first_label_number)
    if labels.first_number is not None:
        if spec.labels is None:
            raise DataError(_numbers_for_names(table, classes))
        notes += labels.notes[:1]
    pool = splits.pool(table, labels.encode(table.labels), task=task, to_divide=False)
    with column_roles.naming_label(chosen):
        check_labels({"test": pool}, tuple(classes), task=task, declared=True)
    notes += [f"{files_of(table)}: {len(table.ids):,} of {table.row_count:,} rows are used.{left_out}"]
    absent = [name for number, name in enumerate(classes) if number not in pool.examples.labels]
    notes += [f"classes without a row: {listed(absent, _SHOWN)}."] if absent else []
    for note in dict.fromkeys([*files.notes, *head.notes, *table.notes, *readers.blank_notes(table), *notes]):
        progress.say(note)
    return pool.examples


def read_texts(
    path: Path,
    *,
    spec: Data | None = None,
    run_columns: Mapping[str, str] | None = None,
    named: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> tuple[list[str], list[str] | None]:
    """The texts of a file to predict, and the second texts of pairs; no label is needed.

    spec: how the training data was read. What the file's name and bytes show takes precedence: a file without a known
    ending has one text per line, unless it has the form that spec declares. run_columns: as for read_labelled.
    named: the columns (text, text_pair) of this file. progress: receives notes on how the file is read.
    Raises: DataError with the file and row, and if the column of the texts is not known.
    """
    progress, outside, run_columns = progress or Silent(), spec is None, run_columns or {}
    spec = spec or Data.model_validate({"source": str(path)})
    spec = spec.model_copy(update={"keep": {}, "group": None, "slices": [], **(named or {})})
    # The encoding comes first, because whether the file has the declared form depends on its content.
    notes: list[str] = []
    spec = _fit_to_encoding([Part(path=path, name=path.name, format="lines")], spec, notes)
    part = Part(path=path, name=path.name, format=_input_format(path, spec, run_columns))
    spec = _fit_to_header(part, spec, run_columns, notes)
    if part.format == "csv" and spec.format is None and discover.known_format(path) is None:
        reason = "as the data of the run was" if spec.delimiter or spec.columns else "because it has a header"
        notes.append(f"{part.name}: read as a table, {reason}.")
    if part.format in ("csv", "tsv") and spec.columns:
        spec = spec.model_copy(update={"columns": _unlabelled_columns(part, spec, run_columns)})
    if part.format == "lines":
        if named:
            raise DataError(
                f"{part.name}: is read as one text per line, so it has no column {next(iter(named.values()))!r}. Name "
                "no column, or a file with the ending of a table (.csv, .tsv, .jsonl, .parquet)."
            )
        spec = spec.model_copy(update={"text": "text", "text_pair": None, "label": None})
    head = readers.read_sample(part, spec=spec)
    spec = _with_run_columns(spec, run_columns, head)
    chosen = column_roles.resolve(head, spec=spec, labelled=False, pairs=outside)
    _check_only_column(chosen, head)
    notes += _detected_notes(chosen, run_columns, part=part)
    table = readers.read_split([part], chosen, split="predict", spec=spec, task=DEFAULT, progress=Silent())
    for note in dict.fromkeys([*notes, *table.notes, *readers.blank_notes(table)]):
        progress.say(note)
    return table.texts, table.pairs if chosen.text_pair is not None else None


def _with_run_columns(spec: Data, run_columns: Mapping[str, str], head: Sample) -> Data:
    """spec with the columns that the run detected, where spec names none and the part has them.

    Raises: DataError if the part has neither the run's column of texts nor one with a usual name.
    """
    if head.part.format not in TABLES:
        return spec
    names = {folded(column) for column in head.columns}
    unnamed = {key: name for key, name in run_columns.items() if getattr(spec, key) is None}
    spec = spec.model_copy(update={key: name for key, name in unnamed.items() if folded(name) in names})
    if spec.text is None and "text" in run_columns and not column_roles.names_text(head, spec=spec):
        advice = "Or name the column: predict --text-column. Save texts without a header as a .txt file, one per line."
        raise DataError(f"{_missing_column(run_columns, 'text', head)} {advice}")
    if spec.text_pair is None and "text_pair" in run_columns:
        raise DataError(_missing_column(run_columns, "text_pair", head))
    return spec


def _missing_column(run_columns: Mapping[str, str], key: str, head: Sample) -> str:
    kind = {"text_pair": "second text"}.get(key, key)
    usual = "" if key == "text_pair" else ", nor one with a usual name"
    return (
        f"{head.part.name}: there is no column {run_columns[key]!r}, which had the {kind}s of the run{usual}. "
        f"Its columns: {listed([*map(repr, head.columns)], _SHOWN)}. Give the column of the {kind}s that name."
    )


def _detected_notes(chosen: column_roles.Columns, run_columns: Mapping[str, str], *, part: Part) -> list[str]:
    """Notes on columns that were detected, unless they are called `text` and `label` and the run had no others."""
    if part.format not in TABLES:
        return []
    return [
        f"{part.name}: column {name!r} is used as the {key} ({chosen.how[key]})."
        for key, name in (("text", chosen.text), ("label", chosen.label))
        if name is not None
        and chosen.how.get(key, "declared") != "declared"
        and (folded(name) != key or key in run_columns)
    ]


def _check_only_column(chosen: column_roles.Columns, head: Sample) -> None:
    """Check that the header of a CSV file with one column is not a text. Raises: DataError for an unusual name."""
    part = head.part
    guessed = chosen.how.get("text") == "longest free text"
    if guessed and head.headed and len(head.columns) == 1 and part.format in ("csv", "tsv"):
        raise DataError(
            f"{part.name}: its first row is {head.columns[0][:60]!r}: the name of its column, or a text? If it is the "
            "name, name it: predict --text-column. If it is a text, save the texts as a .txt file, one per line."
        )


def _parts_to_score(files: discover.DataFiles) -> list[Part]:
    """The parts of the test split, or those of no split. Raises: DataError if there are neither."""
    for split in ("test", discover.ALL):
        if split in files.parts:
            return files.parts[split]
    names = [part.name for parts in files.parts.values() for part in parts]
    raise DataError(f"no file is named as the test split, only {listed(names, _SHOWN)}. Name the file to score.")


def _find_files(spec: Data, paths: Sequence[Path]) -> tuple[discover.DataFiles, Data]:
    """The files, and spec; without its format if the files' names or folders show theirs."""
    bare = spec.model_copy(update={"format": None})
    try:
        data_files = discover.find({discover.ALL: paths}, spec=bare, training=False)
        parts = [part for listed in data_files.parts.values() for part in listed]
        if all(part.format in ("folder", "parallel") or discover.known_format(part.path) for part in parts):
            return data_files, bare
    except DataError:  # the declared format may help; if not, the next call raises the same error
        if spec.format is None:
            raise
    return discover.find({discover.ALL: paths}, spec=spec, training=False), spec


def _fit_to_header(part: Part, spec: Data, run_columns: Mapping[str, str], notes: list[str]) -> Data:
    """spec, without its columns and delimiter if the part has a header that does not fit them.

    notes: receives a note on each difference.
    """
    if part.format not in ("csv", "tsv") or (spec.delimiter is None and spec.columns is None):
        return spec
    for delimiter in dict.fromkeys([spec.delimiter, None]):
        bare = spec.model_copy(update={"delimiter": delimiter, "columns": None})
        try:
            head = readers.read_sample(part, spec=bare)
        except DataError:  # a repeated value: the row is not a header
            continue
        if not _is_header(head, spec, run_columns) or (delimiter != spec.delimiter and len(head.columns) < 2):
            continue
        if delimiter != spec.delimiter:
            notes.append(
                f"{part.name}: the delimiter is {head.delimiter!r}, not {spec.delimiter!r} as in the data of the run."
            )
        if spec.columns is not None and list(head.columns) != spec.columns:
            notes.append(f"{part.name}: has a header, which is used instead of data.columns of the run.")
        return bare
    return spec


def _is_header(head: Sample, spec: Data, run_columns: Mapping[str, str]) -> bool:
    """Whether the first row names the column of the texts.

    If the run had no header, the row must have the run's name for the texts, or usual names for both text and label:
    a row of data may have a class called `question`.
    """
    if spec.columns is None:
        return column_roles.names_text(head, spec=spec, also=run_columns.get("text", "text"))
    own = {spec.text} if spec.text else {"text", run_columns.get("text", "text")}
    names = {folded(column) for column in head.columns}
    if names & {folded(name) for name in own if name}:
        return True
    return column_roles.names_text(head, spec=spec) and column_roles.names_label(head)


def _fit_to_encoding(parts: Sequence[Part], spec: Data, notes: list[str]) -> Data:
    """spec, without its encoding if the bytes of the parts show another encoding.

    notes: receives a note on each part with another encoding.
    Raises: DataError if the parts have different encodings.
    """
    declared = spec.encoding
    if declared is None:
        return spec
    texts = [part for part in parts if part.format not in ("parquet", "folder")]
    own = {part.name: text_file.detect_encoding(part.path, name=part.name, declared=declared) for part in texts}
    as_declared = [name for name, encoding in own.items() if encoding == declared]
    others = {name: encoding for name, encoding in own.items() if encoding not in (None, declared)}
    for name, encoding in others.items():
        if as_declared:
            raise DataError(f"{name} is {encoding} and {as_declared[0]} is {declared}. Convert one of them with iconv.")
        notes.append(f"{name}: the encoding is {encoding}, not {declared} as in the data of the run.")
    return spec.model_copy(update={"encoding": None}) if others else spec


def _input_format(path: Path, spec: Data, run_columns: Mapping[str, str]) -> Format:
    known = discover.known_format(path)
    if known is not None:
        return known
    if not (spec.delimiter or spec.columns) and delimited.is_headed_table(path, spec=spec):
        return "csv"
    plain = discover.bare_suffix(path) == ".txt"
    if spec.format == "label_text":
        return "lines" if plain else "label_text"
    # A delimiter alone is not enough: any text file has some character that divides its first lines.
    implied: Format | None = "csv" if spec.delimiter or (spec.columns and not plain) else None
    declared = spec.format or implied
    if declared not in ("csv", "tsv", "jsonl"):
        return "lines"
    sure = spec.format is not None and not plain
    part = Part(path=path, name=path.name, format=declared)
    return declared if sure or _has_shape(part, spec, run_columns) else "lines"


def _has_shape(part: Part, spec: Data, run_columns: Mapping[str, str]) -> bool:
    """Whether the first rows fit the recipe: objects, a header that names the text, or all declared columns."""
    try:
        head = readers.read_sample(part, spec=spec)
    except DataError:  # not a table
        return False
    if part.format == "jsonl":
        return True
    if head.headed:
        return column_roles.names_text(head, spec=spec, also=run_columns.get("text", "text"))
    return len(head.columns) > 1 and delimited.first_rows_fit(head, spec=spec)


def _unlabelled_columns(part: Part, spec: Data, run_columns: Mapping[str, str]) -> list[str]:
    """data.columns, without the label if the file has no column for it."""
    assert spec.columns is not None
    without = [name for name in spec.columns if name != (spec.label or run_columns.get("label", "label"))]

    def row_count(names: list[str]) -> int:
        return len(readers.read_sample(part, spec=spec.model_copy(update={"columns": names})).rows)

    # With a wrong number of columns the search for a delimiter still finds one that divides a few texts.
    return spec.columns if 2 * row_count(spec.columns) >= row_count(without) else without


def _numbers_for_names(table: Table, classes: Sequence[str]) -> str:
    numbers = listed(sorted(set(table.labels)), _SHOWN)
    return (
        f"{files_of(table)}: its labels are the numbers {numbers}, but the classes have names: "
        f"{listed(classes, _SHOWN)}. Which number means which class is not known, because data.labels of the run's "
        "recipe sets no order. Write the names into the column of the labels."
    )
