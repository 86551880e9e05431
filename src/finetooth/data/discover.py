"""Which files hold which split: told from the recipe, or from the words train, dev and test in their names."""

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finetooth.data import delimited, parallel_files, plain_text
from finetooth.data.names import name_words, recipe_list, recipe_word, snake_case
from finetooth.data.parts import Format, Part
from finetooth.errors import DataError, did_you_mean
from finetooth.recipe import COMPRESSED_SUFFIXES, Data

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
_DATA_SUFFIXES = {".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet", ".pq", ".txt"}
_ABOUT = re.compile(r"(readme|licen[cs]e|copying|notice|citation|changelog|labels|classes)\b", re.IGNORECASE)
_ABOUT_SUFFIXES = {
    ".md",
    ".rst",
    ".json",
    ".yaml",
    ".yml",
    ".py",
    ".html",
    ".pdf",
    ".sha256",
    ".lock",
    ".feat",
    ".vocab",
}


@dataclass(slots=True)
class Found:
    """The parts of each split (`all` where it is still to be carved), in reading order, and what was left out."""

    parts: dict[str, list[Part]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find(sources: Mapping[str, Sequence[Path]], *, spec: Data, training: bool = True) -> Found:
    """The parts to read. sources: paths under `train`, `validation`, `test`, or all under `all`.

    training: whether training rows are needed.
    Raises: DataError when no file, no training file, an unknown format, or one file under two splits is found.
    """
    found = Found()
    chosen: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for split, paths in sources.items():
        for path in paths:
            try:
                entries = _expand(path, found=found, spec=spec)
            except OSError as error:
                raise DataError(f"{path.name}: the folder cannot be read ({error.strerror}).") from error
            if path.is_dir():
                _refuse_doubled(entries)
                _note_about(path, entries, found=found)
            for inner, file, name in entries:
                if split == ALL:
                    chosen[inner].append((file, name))
                elif inner in (split, ALL):
                    chosen[split].append((file, name))
                else:
                    found.notes.append(f"{name} is named as {inner}, not {split}, and was left out.")
    if training and "train" in chosen and not ({"test", "validation"} & set(chosen)):
        chosen = {ALL: chosen["train"] + chosen.get(ALL, [])}
    if training and "train" not in chosen and ALL not in chosen:
        listed = ", ".join(name for entries in chosen.values() for _, name in entries) or "nothing"
        raise DataError(
            f"no training rows: found {listed}. Name the splits apart: data.source: {{train: FILE, test: FILE}}"
        )
    if ALL in chosen and len(chosen) > 1:
        loose = ", ".join(name for _, name in chosen.pop(ALL))
        found.notes.append(f"not named as a split and left out: {loose}.")
    labels = parallel_files.take_labels(chosen, spec=spec)
    _refuse_twins(chosen)
    names = _unique([entry for entries in chosen.values() for entry in entries])
    for split in sorted(chosen, key=[ALL, "train", "validation", "test"].index):
        found.parts[split] = [
            _part(path, name=names[path], labels=labels.get(path), spec=spec) for path, _ in chosen[split]
        ]
    return found


def _part(path: Path, *, name: str, labels: Path | None, spec: Data) -> Part:
    return Part(path, name, "parallel" if labels is not None else _format(path, spec), labels)


def _expand(path: Path, *, found: Found, spec: Data) -> list[tuple[str, Path, str]]:
    """(split or `all`, file or folder of classes, name) for one path of the recipe."""
    if not path.is_dir():
        return [(ALL, path, path.name)]
    splits = _split_folders(path)
    files = _files(path)
    by_words = _split_folders(path, by_words=True)
    if not splits and spec.format in (None, "folder") and "train" in by_words:
        holding = [item for item in sorted(path.iterdir()) if _plain_folder(item) and plain_text.class_folders(item)]
        if set(holding) == set(by_words.values()) and len(holding) == len(by_words):
            return [(split, inner, inner.name) for split, inner in by_words.items()]
    if spec.format in (None, "folder"):
        if splits and all(plain_text.class_folders(inner) for inner in splits.values()):
            _take_split_folders(path, splits, files, found=found)
            return [(split, inner, inner.name) for split, inner in splits.items()]
        classes = [folder.name for folder in plain_text.class_folders(path)]
        if not _are_splits(classes) and (spec.format == "folder" or (classes and not files)):
            return [(ALL, path, path.name)]
        table = spec.columns or spec.delimiter  # then a file without a known ending is a CSV file
        if spec.format == "folder" or (classes and not files and not table):
            _refuse_texts_without_class(path, splits)
    inner_files = [file for folder in sorted(path.iterdir()) if _plain_folder(folder) for file in _files(folder)]
    if splits and not any(_split_of(file.name) for file in files):
        _take_split_folders(path, splits, files, found=found)
        return [
            (split, file, file.relative_to(path).as_posix())
            for split, inner in splits.items()
            for file in _files(inner)
        ]
    if not any(_split_of(file.name) for file in files) and any(_split_of(file.name) for file in inner_files):
        files = inner_files  # a Hub data set: data/train-00000-of-00001.parquet
    named = [(split, file) for file in files if (split := _split_of(file.name))]
    _refuse_two_validations(path, named)
    rest = [file for file in files if not _split_of(file.name)]
    if named:
        _note_loose(path, rest, found=found)
        return [(split, file, file.relative_to(path).as_posix()) for split, file in named]
    by_suffix = [file for file in rest if bare_suffix(file) in _DATA_SUFFIXES]
    kept = by_suffix or rest
    if not kept:
        raise DataError(f"{path.name}: {_nothing(path, spec)}")
    if len(kept) > 1 and len({bare_suffix(file) for file in kept}) > 1:
        raise DataError(
            f"{path.name}: which of these is the data? {', '.join(file.name for file in kept[:8])}. "
            "Name the file in data.source."
        )
    if len(kept) > 1:
        found.notes.append(_merged(path, kept))
    return [(ALL, file, file.relative_to(path).as_posix()) for file in kept]


def _merged(path: Path, files: list[Path]) -> str:
    shown = ", ".join(file.relative_to(path).as_posix() for file in files[:_SHOWN])
    more = f" and {len(files) - _SHOWN:,} more" if len(files) > _SHOWN else ""
    return (
        f"{path.name}: no file is named as a split (train, validation, test), so {len(files):,} files are read as one "
        f"set of rows: {shown}{more}. If they are splits: data.source: {{train: FILE, test: FILE}}"
    )


def _note_loose(path: Path, files: list[Path], *, found: Found) -> None:
    if files:
        listed = ", ".join(file.relative_to(path).as_posix() for file in files)
        found.notes.append(f"not named as a split and left out: {listed}.")


def _plain_folder(item: Path) -> bool:
    return item.is_dir() and not item.name.startswith((".", "__"))


def _split_folders(path: Path, *, by_words: bool = False) -> dict[str, Path]:
    """The folders named as splits; by_words: whose names hold the word of a split (20news-bydate-train)."""
    inner = [item for item in sorted(path.iterdir()) if _plain_folder(item)]
    folders = [(item, _split_of(item.name) if by_words else _SPLIT_WORDS.get(item.name.casefold())) for item in inner]
    return {split: item for item, split in folders if split is not None}


def _take_split_folders(path: Path, splits: dict[str, Path], files: list[Path], *, found: Found) -> None:
    """Refuse two folders of one split, and note the files beside them."""
    for item in sorted(path.iterdir()):
        split = _SPLIT_WORDS.get(item.name.casefold()) if _plain_folder(item) else None
        if split is not None and splits[split] != item:
            raise DataError(
                f"{path.name}: {item.name} and {splits[split].name} are both named as the {split} split. "
                "Name the splits: data.source: {train: PLACE, validation: PLACE, test: PLACE}"
            )
    _note_loose(path, files, found=found)


def _are_splits(folders: list[str]) -> bool:
    """Whether folders named so are splits and not classes: train beside another, or no other names at all."""
    splits = {_SPLIT_WORDS.get(name.casefold()) for name in folders}
    return bool(splits) and (None not in splits or ("train" in splits and len(splits - {None}) > 1))


def _refuse_texts_without_class(path: Path, splits: dict[str, Path]) -> None:
    for split, inner in splits.items():
        unread = not _known(inner) and not parallel_files.pairs(list(inner.iterdir()))
        if unread and plain_text.text_files(inner) and not plain_text.class_folders(inner):
            raise DataError(
                f"{path.name}: {inner.name} is named as the {split} split, but its texts are in no folder that names "
                f"their class: {inner.name}/CLASS/*.txt. If every line is a label and a text: data.format: label_text"
            )


def _nothing(path: Path, spec: Data) -> str:
    """What a folder without data holds instead."""
    about = [item.name for item in sorted(path.iterdir()) if _is_about(item) and known_format(item)]
    if about:
        return f"the folder holds no data file besides {', '.join(about[:8])}; if one is the data, name it: data.source"
    if plain_text.class_folders(path):
        return f"data.format is {spec.format}, but the folder holds folders of texts. Say data.format: folder"
    return "the folder holds no data file and no folders of text files."


def _files(path: Path) -> list[Path]:
    items = sorted(item for item in path.iterdir() if item.is_file() and not item.name.startswith("."))
    # What lies beside texts and their labels is about them: names of the labels, tags of the words.
    return list(parallel_files.pairs(items)) or [item for item in items if not _is_about(item)]


def _known(path: Path) -> list[Path]:
    return [item for item in _files(path) if known_format(item)]


def _is_about(item: Path) -> bool:
    """Whether a file tells of data rather than holding it; a JSON file named as a split holds it."""
    about = _ABOUT.match(item.name) or item.suffix.lower() in _ABOUT_SUFFIXES
    return item.is_file() and bool(about) and not (item.suffix.lower() == ".json" and _words(item.name))


def _note_about(path: Path, entries: list[tuple[str, Path, str]], *, found: Found) -> None:
    """Name the files that could be read and were taken to be about the data."""
    folders = dict.fromkeys([path, *(file.parent for _, file, _ in entries if file.is_file())])
    about = [item for folder in folders for item in sorted(folder.iterdir()) if _is_about(item) and known_format(item)]
    if about:
        listed = ", ".join(item.relative_to(path).as_posix() for item in about)
        found.notes.append(f"taken to be about the data, not data, and left out: {listed}.")


def _refuse_doubled(entries: list[tuple[str, Path, str]]) -> None:
    """One content saved twice, in two formats or compressed and not, would be read twice."""
    seen: dict[tuple[str, Path], str] = {}
    for split, file, name in entries:
        known = file.is_file() and names_data(file)
        stem = file.with_name(_bare_name(file).removesuffix(bare_suffix(file)) if known else file.name)
        if (split, stem) in seen:
            raise DataError(
                f"{seen[split, stem]} and {name} look like one file in two formats; both would be read. "
                "Remove one of them, or name the files in data.source."
            )
        seen[split, stem] = name


def _words(name: str) -> set[str]:
    return {word for word in name_words(name) if word in _SPLIT_WORDS}


def _split_of(name: str) -> str | None:
    splits = {_SPLIT_WORDS[word] for word in _words(name)}
    return splits.pop() if len(splits) == 1 else None


def split_siblings(file: Path) -> list[Path]:
    """Files beside a file of training rows whose names differ from its name in the word for the split alone."""
    if not file.is_file() or _split_of(file.name) != "train":
        return []
    alike = (item for item in sorted(file.parent.iterdir()) if item.is_file() and _nameless(item) == _nameless(file))
    return [item for item in alike if _split_of(item.name) in ("validation", "test")]


def _nameless(file: Path) -> list[str]:
    """The parts of a file's name without the words for splits."""
    parts = re.split(r"[^a-z0-9]+", snake_case(file.name))
    return [part for part in parts if part not in _SPLIT_WORDS]


def _refuse_two_validations(path: Path, named: list[tuple[str, Path]]) -> None:
    """Check that the validation files of a folder go by one word: dev and val beside each other may be any two sets.

    Raises: DataError with the option that names a file for each split.
    """
    words = {frozenset(_words(file.name)): file for split, file in named if split == "validation"}
    if len(words) < 2:
        return
    files = sorted(file.relative_to(path).as_posix() for file in words.values())
    listed = {
        split: [str(file) for other, file in named if other == split] for split in ("train", "validation", "test")
    }
    listed["validation"] = [str(path / files[0])]
    quoted = {split: [recipe_word(place) for place in places] for split, places in listed.items()}
    written = {split: places[0] if len(places) == 1 else f"[{', '.join(places)}]" for split, places in quoted.items()}
    sources = ", ".join(f"{split}: {place}" for split, place in written.items() if listed[split])
    raise DataError(
        f"{path.name}: {' and '.join(files)} are both named as validation rows. Name one of them, in data.source; with "
        f"{files[0]}: --set {shlex.quote(f'data.source={{{sources}}}')}"
    )


def known_format(path: Path) -> Format | None:
    """The format that the ending of a file's name tells, or None."""
    return _FORMATS.get(bare_suffix(path))


def names_data(path: Path) -> bool:
    """Whether the name of a file ends as one of a table or of texts does, compressed or not."""
    return bare_suffix(path) in _DATA_SUFFIXES | set(_FORMATS)


def _bare_name(path: Path) -> str:
    name = path.name.casefold()
    for suffix in COMPRESSED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def bare_suffix(path: Path) -> str:
    """The ending of a file's name in lower case, that of a compression left aside."""
    return Path(_bare_name(path)).suffix


def _format(path: Path, spec: Data) -> Format:
    if path.is_dir():
        return "folder"
    if spec.format == "folder":
        raise DataError(f"{path.name}: data.format is folder, but this is a file.")
    if spec.format is not None:
        return spec.format
    known = known_format(path)
    if known is not None:
        return known
    if not path.exists() or spec.columns or spec.delimiter or delimited.is_headed_table(path, spec=spec):
        return "csv"
    form = delimited.form_without_header(path, spec=spec)
    advice = ""
    if form is not None:
        delimiter, names = form
        advice = (
            " If its lines are rows of a table without a header: data.delimiter: "
            f"{'tab' if delimiter == chr(9) else recipe_word(delimiter)} and data.columns: {recipe_list(names)}"
        )
    raise DataError(
        f"{path.name}: its name does not tell its format. Set data.format: csv | tsv | jsonl | parquet | folder | "
        f"label_text (every line a label, a space and a text).{advice}"
    )


def _refuse_twins(chosen: Mapping[str, list[tuple[Path, str]]]) -> None:
    seen: dict[tuple[int, int], tuple[str, str]] = {}
    for split, entries in chosen.items():
        for path, name in entries:
            if not path.exists():
                near = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
                raise DataError(f"{path}: no such file.{did_you_mean(path.name, near)}")
            status = path.stat()
            key = (status.st_dev, status.st_ino)
            if key in seen:
                other_split, other = seen[key]
                raise DataError(
                    f"{name} ({split}) and {other} ({other_split}) are the same file. Each split needs rows of its "
                    "own; to carve splits from one file, name it as data.source alone."
                )
            seen[key] = (split, name)


def _unique(entries: list[tuple[Path, str]]) -> dict[Path, str]:
    names = dict(entries)
    for _ in range(16):
        counts = Counter(names.values())
        doubled = [path for path, name in names.items() if counts[name] > 1]
        if not doubled:
            break
        for path in doubled:  # one more folder in front, until they differ
            depth = names[path].count("/") + 2
            names[path] = "/".join(path.parts[-depth:])
    return names
