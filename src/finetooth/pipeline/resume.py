"""A run is continued only if nothing that decides its results has changed; what changed is named."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from finetooth.errors import ChangedError, RunError
from finetooth.files import hash_regular, sha256_bytes
from finetooth.recipe import Recipe, is_path
from finetooth.recipe import load as load_recipe
from finetooth.runs import plan_file
from finetooth.runs.layout import RunFolder
from finetooth.runs.plan_file import Plan
from finetooth.sources import data_sources
from finetooth.wording import short, wrapped

_SHOWN = 5
# Decided by free memory and by speed when the run was started; never decided again.
_RESOLVED_ONCE = ("token_budget", "frozen_layer_states", "precision", "inference")
# Keys that are not compared with the rest of the plan. `device` affects only the last bits and is compared separately;
# the keys that are compared affect what is computed.
_NOT_COMPARED = ("run_id", "inexact", "files", "device", *_RESOLVED_ONCE)


def resolved(recipe: Recipe) -> bytes:
    """The content of recipe.yaml: the recipe with every default filled in."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True).encode()


def refuse_changed_recipe(folder: RunFolder, recipe: Recipe, *, begun: Plan) -> None:
    """Check that `recipe` is the one with which the run was started. begun: the run's plan.

    Raises: ChangedError naming each key that differs, with both values. If recipe.yaml is missing or was changed, it
    says only that the recipe differs.
    """
    recorded_sha256 = begun.files.get(folder.recipe.name)
    if recorded_sha256 == sha256_bytes(resolved(recipe)):
        return
    intact = folder.recipe.is_file() and recorded_sha256 == hash_regular(folder.recipe)
    if not intact:
        raise ChangedError(
            f"{folder.path}: the recipe differs from that of the run in this folder. Which keys differ is not known, "
            f"because {folder.recipe.name} is missing or was changed. Restore the recipe, or start another run with "
            "--out."
        )
    before = _flat(load_recipe(folder.recipe).model_dump(mode="json"))
    _refuse(folder, "the recipe", before, _flat(recipe.model_dump(mode="json")))


def refuse_rows_without_plan(folder: RunFolder) -> None:
    """Check that a folder without a plan holds no rows, since only the plan says to which data rows belong.

    Raises: RunError otherwise.
    """
    entries = folder.rows.iterdir() if folder.rows.is_dir() else ()
    rows = sorted(item.name for item in entries if not item.name.startswith("."))
    if rows:
        raise RunError(
            f"{folder.path}: holds rows ({rows[0]}) but no {folder.plan.name}, which says to which recipe and data "
            f"they belong. Restore {folder.plan.name} from a backup, delete {folder.rows} to start over, or name "
            "another folder with --out."
        )


def write_plan(folder: RunFolder, plan: Plan) -> Plan:
    """Write plan.json with the hashes of the files derived from recipe and data; returns the plan as written."""
    plan = replace(plan, files={file.name: hash_regular(file) for file in _derived_files(folder)})
    plan_file.write(folder, plan)
    return plan


def differing(folder: RunFolder, plan: Plan) -> list[str]:
    """Names of the files derived from recipe and data whose hash is not the one in the plan."""
    return [
        file.name
        for file in _derived_files(folder)
        if not file.is_file() or hash_regular(file) != plan.files.get(file.name)
    ]


def _derived_files(folder: RunFolder) -> list[Path]:
    """The files that are made from recipe and data."""
    return [folder.recipe, folder.data, folder.splits, folder.provenance]


def agree(folder: RunFolder, now: Plan, *, begun: Plan, allow_inexact: bool) -> Plan:
    """The plan of the run being resumed, after comparing it with the plan that would be made now.

    begun: its plan so far. allow_inexact: threads, torch build, processor and version may differ; the plan then takes
    the new values and is marked inexact.
    Raises: ChangedError naming what differs (data, base, tokenizer, threads, torch, ...).
    """
    refuse_other_exact(begun, exact=now.exact)
    begun_values, present_values = (
        {key: value for key, value in item.as_json().items() if key not in _NOT_COMPARED} for item in (begun, now)
    )
    _refuse(folder, "the plan", _flat(begun_values), _flat(present_values))
    changed = _differences(_flat(begun.device), _flat(now.device))
    if not changed:
        return begun
    if not allow_inexact:
        raise ChangedError(
            f"{folder.path}: this machine or its set-up differs from that of the run being resumed: "
            f"{'; '.join(changed)}. Results may differ, mostly in the last bits. Undo the change, or continue with "
            "--allow-inexact, which marks the run as inexact."
        )
    marked = replace(begun, device=now.device, inexact=(*begun.inexact, *changed))
    plan_file.write(folder, marked)
    return marked


def refuse_other_exact(begun: Plan, *, exact: bool) -> None:
    """Check that a run is continued or shown as it was started: with --exact or without it.

    Raises: ChangedError otherwise.
    """
    if begun.exact != exact:
        how, remedy = ("with", "add it") if begun.exact else ("without", "leave it out")
        raise ChangedError(f"This run was begun {how} --exact; {remedy}, or begin another run with --out DIR.")


def notes_of_complete(folder: RunFolder, recipe: Recipe) -> list[str]:
    """Lines for a run that is already complete: nothing was computed, and which data is newer than the run.

    Only the times of files are compared, so that showing a table again does not wait for data to be read.
    """
    lines = [f"{folder.path} is complete: nothing was computed. For another run name another folder (--out)."]
    ended = folder.complete.stat().st_mtime
    for texts in data_sources(recipe).values():
        for path in (Path(text) for text in texts if is_path(text)):
            if any(_written(file) > ended for file in _files_at(path)):
                lines.append(f"Note: {path} has changed since then; the figures are those of its earlier content.")
    return [wrapped(line) for line in lines]


def _files_at(path: Path) -> Iterator[Path]:
    """The file, or the files of a folder at any depth; folders that cannot be read are skipped."""
    yield path
    for folder, _, names in os.walk(path):
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
            f"{folder.path}: {what} differs from that of the run in this folder: {'; '.join(changed)}. "
            "Undo the change to continue, or start another run with --out."
        )


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    keys = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    changes = [f"{key} was {short(before.get(key))}, is {short(now.get(key))}" for key in keys[:_SHOWN]]
    return changes + ([f"and {len(keys) - _SHOWN} more"] if len(keys) > _SHOWN else [])


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
