"""Writes a drafted recipe as YAML with comments, at most 80 columns wide."""

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from finetooth.data.discover import split_siblings
from finetooth.recipe import MODEL_NAMES, ModelName, is_path, resolved_data_path
from finetooth.recipe_draft.draft import Draft, has_columns
from finetooth.wording import counted, listed, roughly, shown, wrapped

SCHEMA_FILE = "recipe.schema.json"
_WIDTH = 80
_COMMENT_AT = 34  # the column in which a comment begins, if it fits beside its key
_SHOWN_CLASSES, _SHOWN_COLUMNS = 6, 6
_PARENTS = 2  # a relative path with more `..` than this is written as an absolute path
_USE = re.compile(r"(data\.\w+): ([^;\"]+|\"[^\"]*\")")  # a key and value in the reason why a column is not used
_FIRST_KEYS = ("name", "model", "data", "max_tokens")


def recipe_text(draft: Draft, *, path: Path) -> str:
    """The text of the recipe. path: the file that it is for; paths in the recipe are relative to its folder."""
    values = draft.recipe.model_dump(mode="json", exclude_unset=True)
    argument = shlex.quote(path.name)
    lines = [f"# yaml-language-server: $schema=./{SCHEMA_FILE}"]
    lines += _comment(f"Next: finetooth check {argument}, then finetooth run {argument}")
    lines += [*_comment("All keys and their defaults: docs/recipe.md, or `finetooth recipe schema`."), ""]
    lines += [*key_lines("name", values["name"], f"the run goes to runs/{values['name']}"), ""]
    lines += [*_model(draft, path), ""]
    lines += [*_data(draft, values["data"], path), ""]
    if "max_tokens" in values or draft.word_counts.cut_share:
        longer = f"cuts about {roughly(draft.word_counts.cut_share)} of the texts"
        lines += [*key_lines("max_tokens", draft.recipe.max_tokens, longer if draft.word_counts.cut_share else ""), ""]
    for key, value in values.items():
        if key not in (*_FIRST_KEYS, "candidates"):
            lines += key_lines(key, value, "as set")
    lines += list(_candidates(values["candidates"]))
    return "\n".join(lines) + "\n"


def named_model(draft: Draft) -> ModelName | None:
    """The short name of the recipe's model, or None."""
    return next((item for item in MODEL_NAMES.values() if item.source == draft.recipe.model), None)


def _model(draft: Draft, path: Path) -> Iterator[str]:
    short = named_model(draft)
    if short is not None:
        yield from _comment(f"{short.about}, {short.parameters / 1e6:.1f} million parameters.")
    yield from key_lines("model", short.name if short else _relative(draft.recipe.model, path), "")


def _data(draft: Draft, values: Mapping[str, Any], path: Path) -> Iterator[str]:
    yield from _comment(_rows(draft.summary))
    yield from _comment(_classes(draft.summary["counts"]["train"]))
    median = counted(draft.word_counts.median_words, "word")
    yield from _comment(f"Texts: {median} (median), {draft.word_counts.most_words:,} at most.")
    yield "data:"
    yield from key_lines("source", _relative(_named(draft), path), _beside(draft), indent=2)
    reasons = {item.key: item.reason for item in draft.chosen}
    reasons |= {key: "split off from the training rows" for key in _carved(draft) if key not in values}
    ordered = {**{item.key: item.value for item in draft.chosen}, **{k: v for k, v in values.items() if k != "source"}}
    for key, value in ordered.items():
        yield from key_lines(key, value, reasons.get(key, "as set"), indent=2)
    yield from left_out_lines(draft)
    if "labels" not in values:
        yield from _numbers(draft.summary["classes"])
    for key in _carved(draft):
        if key not in values:
            yield from key_lines(key, getattr(draft.recipe.data, key), reasons[key], indent=2)


def _numbers(classes: list[str]) -> Iterator[str]:
    """How to name classes that are numbers from 0 or from 1."""
    numbers = [[str(number) for number in range(first, first + len(classes))] for first in (0, 1)]
    if classes in numbers and len(classes) <= _SHOWN_CLASSES:
        described = f"the numbers {classes[0]} to {classes[-1]}" if len(classes) > 2 else " and ".join(classes)
        yield from _comment(f"To name {described}, fill in the names and remove the #:", indent=2)
        yield f"  # labels: [{', '.join(f'name-of-{number}' for number in classes)}]"


def _candidates(rows: list[dict[str, Any]]) -> Iterator[str]:
    if rows:
        yield "# Each line is one adapter and one row of the table. Add lines to compare them."
    yield from ["candidates:"] if rows else key_lines("candidates", [], "")
    for row in rows:
        yield f"  - {_flow(row)}"


def _rows(summary: Mapping[str, Any]) -> str:
    files = [*dict.fromkeys(fact["file"] for fact in summary["files"])]
    accounts = summary["rows"]
    total = sum(account["in"] for account in accounts.values())
    sources = {fact["split"] for fact in summary["files"]}
    carved = {split: "" if split in sources else " (split off)" for split in accounts}
    used = ", ".join(f"{account['used']:,} {split}{carved[split]}" for split, account in accounts.items())
    dropped: Counter[str] = Counter()
    for account in accounts.values():
        dropped.update(account["dropped"])
    dropped_rows = "".join(f", {count:,} dropped ({reason})" for reason, count in dropped.items() if count)
    rejected = sum(account["rejected"] for account in accounts.values())
    bad = f", {rejected:,} malformed and skipped" if rejected else ""
    return f"{total:,} rows of {listed(files, 3)}: {used}{dropped_rows}{bad}."


def _classes(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    if len(ranked) > _SHOWN_CLASSES:
        (most, many), (least, few) = ranked[0], ranked[-1]
        described = f"from {most} ({roughly(many / total)} of the training rows) to {least} ({roughly(few / total)})"
    else:
        described = ", ".join(f"{name} ({roughly(count / total)})" for name, count in ranked)
    return f"{len(ranked)} classes: {described}."


def _carved(draft: Draft) -> list[str]:
    """Those of the splits test and validation that are split off."""
    splits = {fact["split"] for fact in draft.summary["files"]}
    return [split for split in ("test", "validation") if split not in splits]


def _beside(draft: Draft) -> str:
    """A clause on the files of other splits beside a single file of training rows, which are not read."""
    source = str(draft.recipe.data.source)
    names = [sibling.name for sibling in split_siblings(Path(source))] if is_path(source) else []
    if not isinstance(draft.source, str) or not names:
        return ""
    return f"{', '.join(names)} beside it: to use {'them' if len(names) > 1 else 'it'}, name the folder"


def left_out_lines(draft: Draft) -> Iterator[str]:
    """The columns that are not used, and why, as comments."""
    if not has_columns(draft.summary):
        return
    columns = list(draft.summary["left_out"].items())
    for name, reason in columns[:_SHOWN_COLUMNS]:
        yield from _comment(f"Not used: {name} ({reason})", indent=2)
    if len(columns) > _SHOWN_COLUMNS:
        yield from _comment(f"Not used: {len(columns) - _SHOWN_COLUMNS:,} more columns", indent=2)


def change_lines(draft: Draft) -> Iterator[str]:
    """How to choose another column on the command line, for each key that an unused column could have."""
    options: dict[str, str] = {}
    for reason in draft.summary["left_out"].values():
        for key, name in _USE.findall(reason):
            options.setdefault(key, f"--set {shlex.quote(f'{key}={name}')}")
    if options:
        yield from ("To choose otherwise, add to the command:", *(f"  {option}" for option in options.values()))


def _named(draft: Draft) -> Any:
    """The source as the user named it, without resolving links, unless an override replaced it."""
    recorded, named = draft.recipe.data.model_dump(mode="json", exclude_unset=True)["source"], draft.source
    is_file = isinstance(named, str) and isinstance(recorded, str) and is_path(recorded)
    return named if is_file and resolved_data_path(Path(str(named))) == Path(recorded) else recorded


def _relative(source: Any, path: Path) -> Any:
    """The source as written into the recipe file at `path`: paths are relative to its folder, if they are near it."""
    if isinstance(source, dict):
        return {key: _relative(value, path) for key, value in source.items()}
    if isinstance(source, list):
        return [_relative(value, path) for value in source]
    if not isinstance(source, str) or not is_path(source):
        return source
    try:
        near = Path(os.path.relpath(source, path.absolute().parent)).as_posix()
    except ValueError:  # on another drive of Windows
        return source
    if near.startswith("../" * (_PARENTS + 1)):
        return source
    return near if is_path(near) else f"./{near}"


def key_lines(key: str, value: Any, reason: str, *, indent: int = 0) -> Iterator[str]:
    """A key as a line of YAML, with its reason as a comment beside it, or above it if there is no room."""
    line = f"{' ' * indent}{key}: {_flow(value)}"
    beside = f"{line:<{_COMMENT_AT - 2}}  # {shown(reason, 10_000)}"
    if not reason:
        yield line
    elif len(beside) <= _WIDTH:
        yield beside
    else:
        yield from _comment(reason, indent=indent)
        yield line


def _comment(text: str, *, indent: int = 0) -> list[str]:
    begin = f"{' ' * indent}# "
    return wrapped(shown(text, 10_000), first=begin, rest=begin, width=_WIDTH).split("\n")


def _flow(value: Any) -> str:
    """A value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").removesuffix("\n")
