"""Finds the files of each split: from the recipe, or by the words train, dev and test in file names."""

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetooth.data import delimited, parallel_files, plain_text, text_file
from finetooth.data.names import name_words, recipe_list, recipe_word, snake_case
from finetooth.data.parts import Format, Part
from finetooth.errors import DataError
from finetooth.recipe import Data, uncompressed_name
from finetooth.wording import listed

ALL = "all"
_SHOWN = 4
_SPLIT_WORDS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "dev": "validation",
    "development": "validation", "val": "validation", "valid": "validation", "validation": "validation",
}  # fmt: skip
_FORMATS: dict[str, Format] = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
    ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
_ABOUT = re.compile(r"(readme|licen[cs]e|copying|notice|citation|changelog|labels|classes)\b", re.IGNORECASE)
_ABOUT_SUFFIXES = {
    ".md", ".rst", ".json", ".yaml", ".yml", ".py", ".html", ".pdf", ".sha256", ".lock", ".feat", ".vocab",
}  # fmt: skip
Entries = list[tuple[str, Path]]  # split or `all`, file or folder of classes


@dataclass(slots=True)
class DataFiles:
    """The parts of each split, in reading order, and notes. From the parts under `all`, the splits are split off."""

    parts: dict[str, list[Part]]
    notes: list[str]


def find(sources: Mapping[str, Sequence[Path]], *, spec: Data, training: bool = True) -> DataFiles:
    """The parts to read. sources: paths under `train`, `validation` and `test`, or all under `all`.

    training: whether training rows are needed.
    Raises: DataError if there is no file, no training file, a file of unknown format, or a file in two splits.
    """
    notes: list[str] = []
    chosen: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for split, paths in sources.items():
        for path in paths:
            try:
                entries = _expand(path, notes=notes, spec=spec)
            except OSError as error:
                raise DataError(
                    f"{path.name}: the folder cannot be read ({error.strerror}). Check its permissions."
                ) from error
            if path.is_dir():
                _check_formats(path, entries)
                _note_about(path, entries, notes=notes)
            for inner, file in entries:
                name = _name_in(path, file)
                if split == ALL:
                    chosen[inner].append((file, name))
                elif inner in (split, ALL):
                    chosen[split].append((file, name))
                else:
                    notes.append(f"{name} is named as {inner}, not {split}, so it is not read.")
    if training and "train" in chosen and not ({"test", "validation"} & set(chosen)):
        chosen = {ALL: chosen["train"] + chosen.get(ALL, [])}
    if training and "train" not in chosen and ALL not in chosen:
        names = listed([name for entries in chosen.values() for _, name in entries]) or "no file"
        raise DataError(
            f"there are no training rows: the source has {names}. Name the file of each split: "
            "data.source: {train: FILE, test: FILE}"
        )
    if ALL in chosen and len(chosen) > 1:
        _note_no_split([name for _, name in chosen.pop(ALL)], notes=notes)
    labels = parallel_files.take_labels(chosen, spec=spec)
    _check_distinct(chosen)
    unique = _unique([entry for entries in chosen.values() for entry in entries])
    parts = {
        split: [
            Part(path, unique[path], "parallel" if path in labels else _format(path, spec), labels.get(path))
            for path, _ in chosen[split]
        ]
        for split in sorted(chosen, key=[ALL, "train", "validation", "test"].index)
    }
    return DataFiles(parts, notes)


def _expand(path: Path, *, notes: list[str], spec: Data) -> Entries:
    """The files, or folders of classes, that one path of the recipe names."""
    if not path.is_dir():
        return [(ALL, path)]
    splits, files = _split_folders(path), _files(path)
    if spec.format in (None, "folder") and (entries := _folder_entries(path, splits, files, spec=spec)):
        if entries[0][0] in splits:
            _note_no_split([_name_in(path, file) for file in files], notes=notes)
        return entries
    if not any(_split_of(file.name) for file in files):
        if splits:
            _check_split_folders(path, splits)
            _note_no_split([_name_in(path, file) for file in files], notes=notes)
            return [(split, file) for split, folder in splits.items() for file in _files(folder)]
        inner_files = [file for folder in plain_text.subfolders(path) for file in _files(folder)]
        if any(_split_of(file.name) for file in inner_files):
            files = inner_files  # a Hub data set: data/train-00000-of-00001.parquet
    named = [(split, file) for file in files if (split := _split_of(file.name))]
    _check_validation_names(path, named)
    rest = [file for file in files if not _split_of(file.name)]
    if named:
        _note_no_split([_name_in(path, file) for file in rest], notes=notes)
        return named
    rest = [file for file in rest if names_data(file) and bare_suffix(file) != ".json"] or rest
    if not rest:
        raise DataError(f"{path.name}: {_no_data(path, spec)}")
    names = [_name_in(path, file) for file in rest]
    if len({bare_suffix(file) for file in rest}) > 1:
        raise DataError(
            f"{path.name}: the folder has files of several kinds: {', '.join(names[:8])}. "
            "Name the one with the data in data.source."
        )
    if len(rest) > 1:
        notes.append(
            f"{path.name}: no file is named as a split (train, validation, test), so {len(rest):,} files are read as "
            f"one set of rows: {listed(names, _SHOWN)}. "
            "If they are splits: data.source: {train: FILE, test: FILE}"
        )
    return [(ALL, file) for file in rest]


def _name_in(path: Path, file: Path) -> str:
    """The name of a file or folder in the source `path`, for the ids of its rows."""
    return file.name if file == path else file.relative_to(path).as_posix()


def _folder_entries(path: Path, splits: dict[str, Path], files: list[Path], *, spec: Data) -> Entries:
    """The folders of classes in a folder, one for each split or one for all; [] if it is not made of such folders.

    Raises: DataError if it has folders of splits or data.format is folder, but the texts are not in class folders.
    """
    with_classes = [folder for folder in plain_text.subfolders(path) if plain_text.class_folders(folder)]
    by_words = _split_folders(path, by_words=True)
    if not splits and "train" in by_words and set(with_classes) == set(by_words.values()):
        return list(by_words.items())
    if splits and set(splits.values()) <= set(with_classes):
        _check_split_folders(path, splits)
        return list(splits.items())
    classes = [folder.name for folder in plain_text.class_folders(path)]
    if not _are_splits(classes) and (spec.format == "folder" or (classes and not files)):
        return [(ALL, path)]
    table = spec.columns or spec.delimiter  # if set, a file without a known ending is a CSV file
    if spec.format == "folder" or (classes and not files and not table):
        _check_class_folders(path, splits)
    return []


def _note_no_split(names: list[str], *, notes: list[str]) -> None:
    if names:
        notes.append(f"not read, because not named as a split: {listed(names)}.")


def _split_folders(path: Path, *, by_words: bool = False) -> dict[str, Path]:
    """The folders named as splits. by_words: also those with a split's word in their names (20news-bydate-train)."""
    named = [
        (item, _split_of(item.name) if by_words else _SPLIT_WORDS.get(item.name.casefold()))
        for item in plain_text.subfolders(path)
    ]
    return {split: item for item, split in named if split is not None}


def _check_split_folders(path: Path, splits: dict[str, Path]) -> None:
    """Check that no two folders are named as the same split. Raises: DataError."""
    for item in plain_text.subfolders(path):
        split = _SPLIT_WORDS.get(item.name.casefold())
        if split is not None and splits[split] != item:
            raise DataError(
                f"{path.name}: {item.name} and {splits[split].name} are both named as the {split} split. "
                "Name the folder of each split: data.source: {train: FOLDER, validation: FOLDER, test: FOLDER}"
            )


def _are_splits(folders: list[str]) -> bool:
    """Whether folders with these names are splits, not classes: all are splits, or train and another split occur."""
    splits = {_SPLIT_WORDS.get(name.casefold()) for name in folders}
    return bool(splits) and (None not in splits or ("train" in splits and len(splits - {None}) > 1))


def _check_class_folders(path: Path, splits: dict[str, Path]) -> None:
    """Check that the texts of each split's folder are in folders of classes. Raises: DataError."""
    for split, inner in splits.items():
        if any(map(known_format, _files(inner))) or parallel_files.pairs(list(inner.iterdir())):
            continue
        if plain_text.text_files(inner) and not plain_text.class_folders(inner):
            raise DataError(
                f"{path.name}: {inner.name} is named as the {split} split, but its texts are not in folders of their "
                f"classes: {inner.name}/CLASS/*.txt. If every line is a label and a text: data.format: label_text"
            )


def _no_data(path: Path, spec: Data) -> str:
    """Why no file of the folder is read, and what to do."""
    about = [item.name for item in sorted(path.iterdir()) if _is_about(item) and known_format(item)]
    if about:
        return f"the folder has no data file besides {', '.join(about[:8])}. If one is the data, name it: data.source"
    if plain_text.class_folders(path):
        return f"data.format is {spec.format}, but the folder contains folders of texts. Set data.format: folder"
    return "the folder has no data file and no folders of text files. Name a file or folder with data in data.source."


def _files(path: Path) -> list[Path]:
    items = sorted(item for item in path.iterdir() if item.is_file() and not item.name.startswith("."))
    # In a folder with files of texts and of labels, the other files are about these: label names, tags of words.
    return list(parallel_files.pairs(items)) or [item for item in items if not _is_about(item)]


def _is_about(item: Path) -> bool:
    """Whether a file describes data instead of containing it. A JSON file named as a split contains it."""
    about = _ABOUT.match(item.name) or item.suffix.lower() in _ABOUT_SUFFIXES
    return item.is_file() and bool(about) and not (item.suffix.lower() == ".json" and _words(item.name))


def _note_about(path: Path, entries: Entries, *, notes: list[str]) -> None:
    """Note the files that have a known format but are not read, because they seem to describe the data."""
    folders = dict.fromkeys([path, *(file.parent for _, file in entries if file.is_file())])
    about = [item for folder in folders for item in sorted(folder.iterdir()) if _is_about(item) and known_format(item)]
    if about:
        names = listed([_name_in(path, item) for item in about])
        notes.append(f"not read, because by their names they describe the data: {names}.")


def _check_formats(path: Path, entries: Entries) -> None:
    """Check that no file occurs in two formats, or with and without compression. Raises: DataError."""
    seen: dict[tuple[str, Path], Path] = {}
    for split, file in entries:
        known = file.is_file() and names_data(file)
        stem = file.with_name(Path(uncompressed_name(file.name)).stem if known else file.name)
        if (split, stem) in seen:
            raise DataError(
                f"{_name_in(path, seen[split, stem])} and {_name_in(path, file)} look like one file in two formats, "
                "and both would be read. Remove one of them, or name the files in data.source."
            )
        seen[split, stem] = file


def _words(name: str) -> set[str]:
    return {word for word in name_words(name) if word in _SPLIT_WORDS}


def _split_of(name: str) -> str | None:
    splits = {_SPLIT_WORDS[word] for word in _words(name)}
    return splits.pop() if len(splits) == 1 else None


def split_siblings(file: Path) -> list[Path]:
    """The files beside a file of training rows whose names differ only in the word for the split."""
    if not file.is_file() or _split_of(file.name) != "train":
        return []

    def other_words(item: Path) -> list[str]:
        return [word for word in re.split(r"[^a-z0-9]+", snake_case(item.name)) if word not in _SPLIT_WORDS]

    alike = (
        item for item in sorted(file.parent.iterdir()) if item.is_file() and other_words(item) == other_words(file)
    )
    return [item for item in alike if _split_of(item.name) in ("validation", "test")]


def _check_validation_names(path: Path, named: list[tuple[str, Path]]) -> None:
    """Check that the validation files of a folder have the same word in their names: dev.csv and val.csv may differ.

    Raises: DataError with the option that names a file for each split.
    """
    words = {frozenset(_words(file.name)): file for split, file in named if split == "validation"}
    if len(words) < 2:
        return
    files = sorted(file.relative_to(path).as_posix() for file in words.values())
    sources = []
    for split in ("train", "validation", "test"):
        chosen = [file for other, file in named if other == split] if split != "validation" else [path / files[0]]
        written = ", ".join(recipe_word(str(file)) for file in chosen)
        if chosen:
            sources.append(f"{split}: {written if len(chosen) == 1 else f'[{written}]'}")
    source = f"data.source={{{', '.join(sources)}}}"
    raise DataError(
        f"{path.name}: {' and '.join(files)} are both named as validation rows. Name one of them in data.source; for "
        f"{files[0]}: --set {shlex.quote(source)}"
    )


def known_format(path: Path) -> Format | None:
    """The format that the ending of a file's name states, or None."""
    return _FORMATS.get(bare_suffix(path))


def names_data(path: Path) -> bool:
    """Whether a file's name has the ending of a table or of texts, compressed or not."""
    return bare_suffix(path) in {*_FORMATS, ".txt"}


def bare_suffix(path: Path) -> str:
    """The ending of a file's name in lower case, without that of a compression."""
    return Path(uncompressed_name(path.name)).suffix


def _format(path: Path, spec: Data) -> Format:
    if path.is_dir():
        return "folder"
    if spec.format == "folder":
        raise DataError(
            f"{path.name}: data.format is folder, but this is a file. Name a folder, or remove data.format."
        )
    if spec.format is not None:
        return spec.format
    known = known_format(path)
    if known is not None:
        return known
    if not path.exists() or spec.columns or spec.delimiter or delimited.is_headed_table(path, spec=spec):
        return "csv"
    delimiter_and_names = delimited.form_without_header(path, spec=spec)
    advice = ""
    if delimiter_and_names is not None:
        delimiter, names = delimiter_and_names
        advice = (
            " If its lines are rows of a table without a header: data.delimiter: "
            f"{'tab' if delimiter == chr(9) else recipe_word(delimiter)} and data.columns: {recipe_list(names)}"
        )
    raise DataError(
        f"{path.name}: its name does not state its format. Set data.format: csv | tsv | jsonl | parquet | folder | "
        f"label_text (every line a label, a space and a text).{advice}"
    )


def _check_distinct(chosen: Mapping[str, list[tuple[Path, str]]]) -> None:
    """Check that every file exists and is named once. Raises: DataError."""
    seen: dict[tuple[int, int], tuple[str, str]] = {}
    for split, entries in chosen.items():
        for path, name in entries:
            status = text_file.status_of(path, name=name)
            key = (status.st_dev, status.st_ino)
            if key in seen:
                other_split, other = seen[key]
                raise DataError(
                    f"{name} ({split}) and {other} ({other_split}) are the same file, but each split needs its own "
                    "rows. To split one file, name only that file in data.source."
                )
            seen[key] = (split, name)


def _unique(entries: list[tuple[Path, str]]) -> dict[Path, str]:
    """A name for each path: more folders are put in front of equal names until they differ."""
    names = dict(entries)
    for _ in range(16):
        counts = Counter(names.values())
        for path in [path for path, name in names.items() if counts[name] > 1]:
            depth = names[path].count("/") + 2
            names[path] = "/".join(path.parts[-depth:])
    return names
