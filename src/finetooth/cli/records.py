"""The verbs that only read: show, recipe. Neither imports torch, pyarrow or scikit-learn."""

from pathlib import Path

import click

from finetooth.cli import completing, options, output


@click.command(short_help="The table of a run.")
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path), shell_complete=completing.runs)
@options.as_json
@options.wide
def show(run_folder: Path, as_json: bool, wide: bool) -> None:
    """
    \b
        finetooth show runs/quickstart

    Print the table of the run folder RUN again, or with --json its results and costs.
    """
    if as_json:
        from finetooth.runs.results import contract

        output.emit_json(contract(run_folder))
        return
    output.emit(table_of(run_folder, wide=wide))


@click.group(short_help="What a recipe may hold.")
def recipe() -> None:
    """
    \b
        finetooth recipe schema > recipe.schema.json

    Show what a recipe may hold.
    """


@recipe.command(short_help="The recipe's JSON Schema.")
def schema() -> None:
    """
    \b
        finetooth recipe schema > recipe.schema.json

    Print the JSON Schema of a recipe: every key with its help, unit and default. An editor that reads it completes
    and checks recipes.
    """
    from finetooth.recipe import schema as recipe_schema

    output.emit_json(recipe_schema())
    output.next_command("finetooth check RECIPE")


def table_of(run_folder: Path, *, wide: bool) -> str:
    """The table of a run folder as it is printed on the terminal; it ends by naming the next command."""
    from finetooth.report.printed import printed

    return printed(run_folder, colour=output.colour_wanted(), wide=wide)
