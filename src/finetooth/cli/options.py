"""Options that several verbs share."""

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
    help="Change one recipe key, such as training.epochs=2; may be repeated.",
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
    help="The run folder; by default runs/NAME, after the recipe.",
)
_ALLOW_INEXACT: Callable[[Command], Command] = click.option(
    "--allow-inexact",
    is_flag=True,
    help="Continue a run although threads, versions or processor have changed, and mark it as inexact.",
)
_PROFILE: Callable[[Command], Command] = click.option(
    "--profile",
    is_flag=True,
    help="Also print how many seconds each step and each part of training took.",
)

exact: Callable[[Command], Command] = click.option(
    "--exact",
    is_flag=True,
    help="Use the slow reference computation (float32, adapter not merged), as plain PEFT does.",
)


def of_a_run(command: Command) -> Command:
    """Add the options of `run` and `quickstart`."""
    for option in (wide, as_json, _PROFILE, exact, _ALLOW_INEXACT, overrides, _OUT):
        command = option(command)
    return command
