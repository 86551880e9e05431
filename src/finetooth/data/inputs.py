"""Files given to a finished run, to evaluate or predict: read as its data was, but for what they plainly are not."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from finetooth.data import columns, delimited, discover, readers, splits, text_file
from finetooth.data.examples import Examples
from finetooth.data.load import examples_of, files_of, refuse_unknown
from finetooth.data.malformed import Malformed, Rejects
from finetooth.data.parts import SAMPLE_ROWS, TABLES, Format, Part, Sample
from finetooth.data.readers import Table
from finetooth.errors import DataError
from finetooth.progress import Progress, Silent
from finetooth.recipe import Data
from finetooth.tasks import DEFAULT, Task
from finetooth.wording import listed

_SHOWN = 5


def read_labelled(
    spec: Data,
    paths: Sequence[Path],
    *,
    classes: Sequence[str],
    found: Mapping[str, str] | None = None,
    first_label_number: int | None = None,
    task: Task = DEFAULT,
    progress: Progress | None = None,
) -> Examples:
    """All labelled rows at `paths` in file order, numbered by `classes`; of a folder with splits, the test rows.

    spec: how the training data was read; what a file's name and bytes tell of its format, encoding and delimiter goes
    before it. Numbers stand for classes by their place only where spec.labels had fixed the places.
    found: the columns (text, text_pair, label) that were found in the training data where spec names none; None outside
    a run.
    first_label_number: the number that stood for the first class in the training data, if it held numbers for names.
    task: what the labels are.
    progress: told how many rows were used, and what else there is to know.
    Raises: DataError as load(), for a label that is none of `classes`, and for training rows alone.
    """
    progress, outside, found = progress or Silent(), found is None, found or {}
    files, spec = _discovered(spec.model_copy(update={"group": None, "slices": []}), paths)
    parts = _to_score(files)
    spec, notes = _own_encoding(parts, spec)
    spec, more = _own_header(parts[0], spec, found)
    notes += more
    head = readers.sample(parts[0], spec=spec)
    spec = _with_found(spec, found, head, part=parts[0])
    if spec.label is None and "label" in found and parts[0].format in TABLES and not columns.names_label(head):
        raise DataError(_lacks(found, "label", head, part=parts[0]))
    chosen = columns.resolve(head, part=parts[0], spec=spec, pairs=outside)
    notes += _taken(chosen, found, part=parts[0])
    bad = Rejects("stop")
    table = readers.read(parts, chosen, split="test", spec=spec, task=task, rejects=bad, progress=progress)
    bad.stop_if_any()
    if not table.ids:
        raise DataError(f"{files_of(table)}: there is no row to read.{_left(table)}")
    with columns.naming_label(chosen):
        labels = task.resolve(set(table.labels), declared=classes, least=0, first_number=first_label_number)
    if labels.first_number is not None:
        if spec.labels is None:
            raise DataError(_numbers_for_names(table, classes))
        notes += labels.notes[:1]
    targets = labels.encode(table.labels)
    pool = splits.Pool(table=table, labels=targets, strata=task.strata(targets), keys=[])
    with columns.naming_label(chosen):
        refuse_unknown({"test": pool}, tuple(classes), task=task, declared=True)
    notes += [f"{files_of(table)}: {len(table.ids):,} of {table.came:,} rows are used.{_left(table)}"]
    notes += _absent(pool, classes)
    for note in dict.fromkeys([*files.notes, *head.notes, *table.notes, *readers.blank_notes(table), *notes]):
        progress.say(note)
    return examples_of(pool, np.arange(len(pool), dtype=np.int64))


def read_texts(
    path: Path,
    *,
    spec: Data | None = None,
    found: Mapping[str, str] | None = None,
    named: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> tuple[list[str], list[str] | None]:
    """The texts of a file to predict, and the second texts of pairs; no label is needed.

    spec: how the training data was read; what the file's name and bytes tell goes before it. A file without a known
    ending holds one text on a line, unless it has the shape that spec declares. found: the columns (text, text_pair,
    label) that were found in the training data where spec names none. named: columns (text, text_pair) of this file.
    progress: told what there is to know.
    Raises: DataError naming file and row; where it cannot be told which column holds the texts, too.
    """
    outside, found = spec is None, found or {}
    spec = spec or Data.model_validate({"source": str(path)})
    spec = spec.model_copy(update={"keep": {}, "group": None, "slices": [], **(named or {})})
    # The encoding comes first: what the file holds says whether it has the declared shape.
    spec, notes = _own_encoding([Part(path=path, name=path.name, format="lines")], spec)
    part = Part(path=path, name=path.name, format=_kind(path, spec, found))
    spec, more = _own_header(part, spec, found)
    if part.format == "csv" and spec.format is None and discover.known_format(path) is None:
        run = ", as the data of the run" if spec.delimiter or spec.columns else ": it has a header"
        more += [f"{part.name}: read as a table{run}."]
    if part.format in ("csv", "tsv") and spec.columns:
        spec = spec.model_copy(update={"columns": _unlabelled_columns(part, spec, found)})
    if part.format == "lines":
        if named:
            column = next(iter(named.values()))
            raise DataError(
                f"{part.name}: is read as one text a line, so it has no column {column!r}. Name no column, or a file "
                "that ends as tables do (.csv, .tsv, .jsonl, .parquet)."
            )
        spec = spec.model_copy(update={"text": "text", "text_pair": None, "label": None})
    head = readers.sample(part, spec=spec)
    spec = _with_found(spec, found, head, part=part)
    chosen = columns.resolve(head, part=part, spec=spec, labelled=False, pairs=outside)
    _refuse_only_column(chosen, head, part=part)
    more += _taken(chosen, found, part=part)
    bad = Rejects("stop")
    table = readers.read([part], chosen, split="predict", spec=spec, task=DEFAULT, rejects=bad, progress=Silent())
    bad.stop_if_any()
    for note in dict.fromkeys([*notes, *more, *table.notes, *readers.blank_notes(table)]):
        (progress or Silent()).say(note)
    return table.texts, table.pairs if chosen.text_pair is not None else None


def _with_found(spec: Data, found: Mapping[str, str], head: Sample, *, part: Part) -> Data:
    """spec with the columns that were found in the training data, where it names none and the part has them.

    Raises: DataError if the part has neither that column of texts nor one of a usual name: another is none of its own.
    """
    if part.format not in TABLES:
        return spec
    names = {column.strip().casefold() for column in head.columns}
    here = {key: name for key, name in found.items() if name.strip().casefold() in names and getattr(spec, key) is None}
    spec = spec.model_copy(update=here)
    if spec.text is None and "text" in found and not columns.names_text(head, spec=spec):
        advice = "Or name it (predict --text-column); texts without a header go into a .txt file, one a line."
        raise DataError(f"{_lacks(found, 'text', head, part=part)} {advice}")
    if spec.text_pair is None and "text_pair" in found:
        raise DataError(_lacks(found, "text_pair", head, part=part))
    return spec


def _lacks(found: Mapping[str, str], key: str, head: Sample, *, part: Part) -> str:
    kind = {"text_pair": "second text"}.get(key, key)
    usual = "" if key == "text_pair" else ", nor one of a usual name"
    return (
        f"{part.name}: there is no column {found[key]!r}, where the run found its {kind}s{usual}. "
        f"Its columns: {listed([*map(repr, head.columns)], _SHOWN)}. Give the column of the {kind}s that name."
    )


def _taken(chosen: columns.Columns, found: Mapping[str, str], *, part: Part) -> list[str]:
    """Notes naming columns that nobody had named, unless they are `text` and `label` and the run had no others."""
    if part.format not in TABLES:
        return []
    taken = {key: name for key, name in (("text", chosen.text), ("label", chosen.label)) if name is not None}
    return [
        f"{part.name}: column {name!r} was taken for the {key} ({chosen.how[key]})."
        for key, name in taken.items()
        if chosen.how.get(key, "declared") != "declared" and (name.strip().casefold() != key or key in found)
    ]


def _refuse_only_column(chosen: columns.Columns, head: Sample, *, part: Part) -> None:
    """The one column of a CSV under an unusual name may be a text without a header, which would be lost."""
    guessed = chosen.how.get("text") == "longest free text"
    if guessed and head.headed and len(head.columns) == 1 and part.format in ("csv", "tsv"):
        raise DataError(
            f"{part.name}: its first row is {head.columns[0][:60]!r}: is that the name of its column, or a text? If "
            "the name, give it (predict --text-column); if a text, save the texts as a .txt file, one a line."
        )


def _to_score(files: discover.Found) -> list[Part]:
    """The test rows, or those of files that name no split."""
    for split in ("test", discover.ALL):
        if split in files.parts:
            return files.parts[split]
    names = [part.name for parts in files.parts.values() for part in parts]
    raise DataError(f"no file is named as the test split: found {listed(names, _SHOWN)}. Name the file to score.")


def _discovered(spec: Data, paths: Sequence[Path]) -> tuple[discover.Found, Data]:
    """The files, and spec without its format where their names or folders tell theirs."""
    bare = spec.model_copy(update={"format": None})
    try:
        found = discover.find({discover.ALL: paths}, spec=bare, training=False)
        parts = [part for listed in found.parts.values() for part in listed]
        if all(part.format in ("folder", "parallel") or discover.known_format(part.path) for part in parts):
            return found, bare
    except DataError:  # the declared format may be what is lacking; if not, the same is raised below
        if spec.format is None:
            raise
    return discover.find({discover.ALL: paths}, spec=spec, training=False), spec


def _own_header(part: Part, spec: Data, found: Mapping[str, str]) -> tuple[Data, list[str]]:
    """spec without columns and delimiter, and notes of it, where the part has a header that does not fit them."""
    if part.format not in ("csv", "tsv") or (spec.delimiter is None and spec.columns is None):
        return spec, []
    for delimiter in dict.fromkeys([spec.delimiter, None]):
        bare = spec.model_copy(update={"delimiter": delimiter, "columns": None})
        try:
            head = readers.sample(part, spec=bare)
        except DataError:  # a value that stands twice: data, not names
            continue
        if not _is_header(head, spec, found) or (delimiter != spec.delimiter and len(head.columns) < 2):
            continue
        notes = []
        if delimiter != spec.delimiter:
            notes.append(
                f"{part.name}: divided by {head.delimiter!r}, not by {spec.delimiter!r} as the data of the run; "
                "read so."
            )
        if spec.columns is not None and list(head.columns) != spec.columns:
            notes.append(f"{part.name}: has a header; read by it, not by data.columns of the run.")
        return bare, notes
    return spec, []


def _is_header(head: Sample, spec: Data, found: Mapping[str, str]) -> bool:
    """Whether the first row names the column of the texts: where the run had no header, that of the run, or a usual one
    beside one of labels, for a first row may hold a class that is called `question`.
    """
    if spec.columns is None:
        return columns.names_text(head, spec=spec, also=found.get("text"))
    own = {spec.text} if spec.text else {"text", found.get("text", "text")}
    names = {column.strip().casefold() for column in head.columns}
    if names & {name.strip().casefold() for name in own if name}:
        return True
    return columns.names_text(head, spec=spec) and columns.names_label(head)


def _own_encoding(parts: Sequence[Part], spec: Data) -> tuple[Data, list[str]]:
    """spec without its encoding, and the notes of it, where the bytes of the parts tell another one."""
    if spec.encoding is None:
        return spec, []
    texts = [part for part in parts if part.format not in ("parquet", "folder")]
    own = {part.name: text_file.told_encoding(part.path, name=part.name, declared=spec.encoding) for part in texts}
    named = {name: encoding for name, encoding in own.items() if encoding not in (None, spec.encoding)}
    if not named:
        return spec, []
    others = [name for name, encoding in own.items() if encoding == spec.encoding]
    name, encoding = next(iter(named.items()))
    if others:
        raise DataError(f"{name} is {encoding} and {others[0]} {spec.encoding}. Convert one of them with iconv.")
    notes = [f"{name}: {encoding}, not {spec.encoding} as the data of the run; read so." for name in named]
    return spec.model_copy(update={"encoding": None}), notes


def _kind(path: Path, spec: Data, found: Mapping[str, str]) -> Format:
    known = discover.known_format(path)
    if known is not None:
        return known
    if not (spec.delimiter or spec.columns) and delimited.is_headed_table(path, spec=spec):
        return "csv"
    plain = discover.bare_suffix(path) == ".txt"
    if spec.format == "label_text":
        return "lines" if plain else "label_text"
    # As discover takes it; but searched for, a delimiter is found in a few lines of prose too.
    implied: Format | None = "csv" if spec.delimiter or (spec.columns and not plain) else None
    declared = spec.format or implied
    if declared not in ("csv", "tsv", "jsonl"):
        return "lines"
    sure = spec.format is not None and not plain
    part = Part(path=path, name=path.name, format=declared)
    return declared if sure or _has_shape(part, spec, found) else "lines"


def _has_shape(part: Part, spec: Data, found: Mapping[str, str]) -> bool:
    """Whether the first rows are as the recipe says: objects, a header that names the text, or all declared columns."""
    try:
        head = readers.sample(part, spec=spec)
    except DataError:  # not a table of any shape
        return False
    if part.format == "jsonl":
        return True
    if head.headed:
        return columns.names_text(head, spec=spec, also=found.get("text"))
    rows = islice(readers.rows(part, head, spec=spec, wanted=head.columns), SAMPLE_ROWS)
    return len(head.columns) > 1 and not any(isinstance(values, Malformed) for _, values in rows)


def _unlabelled_columns(part: Part, spec: Data, found: Mapping[str, str]) -> list[str]:
    """data.columns as they fit a file that may lack the label."""
    assert spec.columns is not None
    without = [name for name in spec.columns if name != (spec.label or found.get("label", "label"))]

    def fitting(names: list[str]) -> int:
        return len(readers.sample(part, spec=spec.model_copy(update={"columns": names})).rows)

    # Most rows, for a delimiter is searched that fits: some character divides a text or two, and one divides none.
    return spec.columns if 2 * fitting(spec.columns) >= fitting(without) else without


def _numbers_for_names(table: Table, classes: Sequence[str]) -> str:
    numbers = listed(sorted(set(table.labels)), _SHOWN)
    return (
        f"{files_of(table)}: its labels are the numbers {numbers}, but the classes have names: "
        f"{listed(classes, _SHOWN)}. Which number is which is not said: data.labels of the run's recipe names no "
        "order. Write the names into the column of the labels."
    )


def _left(table: Table) -> str:
    return f" {table.left:,} are outside data.keep of the run's recipe." if table.left else ""


def _absent(pool: splits.Pool, classes: Sequence[str]) -> list[str]:
    counts = np.bincount(pool.labels, minlength=len(classes))
    absent = [classes[place] for place in np.flatnonzero(counts == 0).tolist()]
    return [f"classes without a row: {listed(absent, _SHOWN)}."] if absent else []
