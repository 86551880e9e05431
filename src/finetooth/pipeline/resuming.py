"""A run is gone on with only if everything that decides its results is as it was; what changed is named."""

import os
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finetooth.errors import ChangedError
from finetooth.files import read_json, write_json
from finetooth.recipe import Recipe, is_path
from finetooth.recipe import load as load_recipe
from finetooth.runs.layout import RunFolder
from finetooth.sources import data_sources

_SHOWN = 5
# Found by looking at what is free and what is fast when the run was begun; never looked at again.
_RESOLVED_ONCE = ("token_budget", "prefix", "precision")
# Follow from data_fingerprint, which is compared; a plan that an earlier version wrote takes them up.
_FOLLOWING = ("test_rows_id",)
_INEXACT = "device"  # decides the last bit only; everything else decides what is computed


def refuse_changed_recipe(folder: RunFolder, recipe: Recipe) -> None:
    """Nothing, if `recipe` is the one the run was begun with.

    Raises: ChangedError naming each key that differs, with both values.
    """
    before = _flat(load_recipe(folder.recipe).model_dump(mode="json"))
    _refuse(folder, "the recipe", before, _flat(recipe.model_dump(mode="json")))


def agree(folder: RunFolder, now: Mapping[str, Any], *, allow_inexact: bool) -> dict[str, Any]:
    """The plan of the run being resumed, after comparing it with what would be planned now.

    allow_inexact: threads, torch build, processor and version may differ; the plan takes the new ones and is marked
    inexact.
    Raises: ChangedError naming what differs (data, base, tokenizer, threads, torch, ...).
    """
    plan: dict[str, Any] = read_json(folder.plan)
    if "precision" not in plan and "candidates" in now:  # begun before it was chosen
        plan |= {"precision": "float32"}
        write_json(folder.plan, plan)
    added = {key: now[key] for key in _FOLLOWING if key in now and key not in plan}
    aside = ("run_id", "inexact", _INEXACT, *_RESOLVED_ONCE, *added)
    known, found = ({key: value for key, value in item.items() if key not in aside} for item in (plan, now))
    _refuse(folder, "the plan", _flat(known), _flat(found))
    changed = _differences(_flat(plan[_INEXACT]), _flat(now[_INEXACT]))
    if changed and not allow_inexact:
        raise ChangedError(
            f"{folder.path}: this machine or its set-up is not that of the run being resumed: {'; '.join(changed)}. "
            "Results may differ, most often in the last bits. Set it back, or go on with --allow-inexact: the run is "
            "then marked."
        )
    if changed:
        plan |= {_INEXACT: now[_INEXACT], "inexact": [*plan["inexact"], *changed]}
    plan |= added
    if changed or added:
        write_json(folder.plan, plan)
    return plan


def told_of_complete(folder: RunFolder, recipe: Recipe) -> list[str]:
    """What to say where the run is complete already: that nothing was computed, and which data is newer than it.

    By the times of files alone: who looks at a table once more does not wait for data to be read.
    """
    lines = [f"{folder.path} is complete: nothing was computed. For another run name another folder (--out)."]
    ended = folder.complete.stat().st_mtime
    for texts in data_sources(recipe).values():
        for place in (Path(text) for text in texts if is_path(text)):
            if any(_written(file) > ended for file in _files_at(place)):
                lines.append(f"Note: {place} was written to since then; the figures are of what it held before that.")
    return [
        textwrap.fill(line, 80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
        for line in lines
    ]


def _files_at(place: Path) -> Iterator[Path]:
    """The file, or those of a folder at any depth; what cannot be looked into is passed over."""
    yield place
    for folder, _, names in os.walk(place):
        yield from (Path(folder, name) for name in names)


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime if file.is_file() else 0.0
    except OSError:
        return 0.0


def _refuse(folder: RunFolder, what: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    changed = _differences(before, now)
    if changed:
        raise ChangedError(
            f"{folder.path}: {what} is not that of the run begun here: {'; '.join(changed)}. "
            "Set it back to go on, or begin another run with --out."
        )


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    told = [f"{key} was {_short(before.get(key))}, is {_short(now.get(key))}" for key in keys[:_SHOWN]]
    return told + ([f"and {len(keys) - _SHOWN} more"] if len(keys) > _SHOWN else [])


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """{"a.b": value} for nested mappings and lists."""
    if isinstance(value, Mapping) and value:
        items = [(str(key), inner) for key, inner in value.items()]
    elif isinstance(value, list) and value:
        items = [(str(number), inner) for number, inner in enumerate(value)]
    else:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, inner in items:
        flat |= _flat(inner, f"{prefix}.{key}" if prefix else key)
    return flat
