"""Options that several verbs share, each with its help in one place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from finetooth.cli import completion

Command = Callable[..., Any]

overrides: Callable[[Command], Command] = click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change one recipe key, such as training.epochs=2; may be given many times.",
)
as_json: Callable[[Command], Command] = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
wide: Callable[[Command], Command] = click.option("--wide", is_flag=True, help="Print all columns, past 80 characters.")
recipe_file: Callable[[Command], Command] = click.argument(
    "recipe_file", metavar="RECIPE", type=click.Path(path_type=Path), shell_complete=completion.recipes
)
recipe_or_data: Callable[[Command], Command] = click.argument(
    "source", metavar="RECIPE|DATA", type=click.Path(), shell_complete=completion.data
)

_OUT: Callable[[Command], Command] = click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The run folder; runs/NAME of the recipe if not given.",
)
_ALLOW_INEXACT: Callable[[Command], Command] = click.option(
    "--allow-inexact",
    is_flag=True,
    help="Go on with a run whose threads, versions or device have changed, and mark it inexact.",
)


_PROFILE: Callable[[Command], Command] = click.option(
    "--profile",
    is_flag=True,
    help="Also print where the time went: seconds of each part of training and of each step.",
)


exact: Callable[[Command], Command] = click.option(
    "--exact", is_flag=True, help="Compute by the model's own pass, padded, unmerged and in float32: slower."
)


def of_a_run(command: Command) -> Command:
    """Add the options that `run` and `quickstart` take."""
    for option in (wide, as_json, _PROFILE, exact, _ALLOW_INEXACT, overrides, _OUT):
        command = option(command)
    return command
