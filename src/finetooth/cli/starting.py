"""The verb that begins from data alone: init."""

import shlex
import sys
from pathlib import Path

import click

from finetooth.cli import completing, options, output
from finetooth.cli.progress import progress_on
from finetooth.errors import RecipeError


@click.command(short_help="A commented recipe for your data.")
@click.argument("data", metavar="DATA", type=click.Path(), shell_complete=completing.data)
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
        _refuse_place(recipe_file, overwrite=overwrite)
    from finetooth.drafts.drafting import draft
    from finetooth.drafts.writing import SCHEMA_FILE, written
    from finetooth.files import json_bytes, write_file
    from finetooth.recipe import schema

    made = draft(drafts.data_source(data), overrides=overrides, progress=progress_on(sys.stderr))
    place = recipe_file or Path(f"{made.recipe.name}.yaml")
    _refuse_place(place, overwrite=overwrite)
    text = written(made, place=place)
    write_file(place, text.encode())
    beside = place.parent / SCHEMA_FILE
    if not beside.exists():
        write_file(beside, json_bytes(schema()))
    output.emit(text)
    click.echo(f"\nWrote   {place}", err=True)
    output.next_command(f"finetooth check {shlex.quote(str(place))}")


def _refuse_place(place: Path, *, overwrite: bool) -> None:
    from finetooth.drafts import is_recipe_file

    if not is_recipe_file(place):
        raise RecipeError(f"{place}: a recipe's name ends in .yaml; all else is taken for data.")
    if not place.parent.is_dir():
        raise RecipeError(f"{place}: there is no folder {place.parent}. Make it, or name another file with -o.")
    if place.exists() and not overwrite:
        raise RecipeError(f"{place} exists. Name another file with -o, or replace it with --overwrite.")
