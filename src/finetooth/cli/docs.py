"""Writes docs/cli.md from the commands and docs/recipe.md from the recipe's fields; with --check, only compares.

python -m finetooth.cli.docs [--check] [FOLDER]
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from finetooth import recipe
from finetooth.cli.app import finetooth
from finetooth.errors import FinetoothError

_WIDTH = 80
_MADE = "<!-- Made by `make docs`; edit the source that it is made from. -->"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="docs")
@click.option("--check", is_flag=True, help="Write nothing; fail if a page is not up to date.")
def write_docs(folder: Path, check: bool) -> None:
    """Write the generated pages into FOLDER."""
    for name, text in pages().items():
        page = folder / name
        if not check:
            page.write_text(text, encoding="utf-8")
        elif not page.is_file() or page.read_text(encoding="utf-8") != text:
            raise FinetoothError(f"{page} is not up to date. Write it anew: make docs")


def pages() -> dict[str, str]:
    """The text of each generated page, by its file name."""
    return {"cli.md": _command_page(), "recipe.md": _recipe_page()}


def commands(
    group: click.Group = finetooth, parent: click.Context | None = None
) -> Iterator[tuple[click.Command, click.Context]]:
    """Every command with the context to show its help in, each group before its commands."""
    context = click.Context(group, info_name=group.name, parent=parent, terminal_width=_WIDTH, **group.context_settings)
    yield group, context
    for name in group.list_commands(context):
        command = group.commands[name]
        if isinstance(command, click.Group):
            yield from commands(command, context)
        else:
            yield command, click.Context(command, info_name=name, parent=context, terminal_width=_WIDTH)


def _command_page() -> str:
    parts = [
        "# The command line",
        _MADE,
        "A result goes to stdout: a table, or JSON with `--json`. Progress goes to stderr, as does the next command "
        "where it is no part of a table.",
        _EXIT_CODES,
        _ENVIRONMENT,
    ]
    for command, context in commands():
        parts.append(f"## {context.command_path}")
        parts.append(f"```text\n{command.get_help(context).rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


_EXIT_CODES = """\
| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | something you can mend; a run with a failed row too, after its table |
| 2 | usage, or a recipe that is not valid |
| 3 | a gate was not met: `verify` or `doctor` found a fault, or `compare --fail-if-worse` a worse run |
| 70 | a fault of Finetooth |
| 130, 143 | interrupted (SIGINT, SIGTERM); all is saved, the same command goes on |
| 141 | the reader of stdout went away |"""

_ENVIRONMENT = """\
| variable | meaning |
| --- | --- |
| `FINETOOTH_CACHE` | folder of sources brought here; else `$XDG_CACHE_HOME/finetooth`, else `~/.cache/finetooth` |
| `FINETOOTH_STATE` | folder of test-set openings; else `$XDG_STATE_HOME/finetooth`, else `~/.local/state/finetooth` |
| `FINETOOTH_DEBUG` | `1` adds a traceback to every error |
| `NO_COLOR` | any value: no colour in the table |
| `HF_HOME`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` | as everywhere with the Hub |

Completion of verbs, options, recipes and run folders, in the file that your shell reads at its start:

| shell | line |
| --- | --- |
| bash | `eval "$(_FINETOOTH_COMPLETE=bash_source finetooth)"` |
| zsh | `eval "$(_FINETOOTH_COMPLETE=zsh_source finetooth)"` |
| fish | `_FINETOOTH_COMPLETE=fish_source finetooth \\| source` |"""


_SECTIONS = {
    "Recipe": "Top level",
    "Data": "data",
    "SplitSources": "data.source",
    "Limit": "data.limit",
    "Training": "training",
    "Deciding": "decision",
    "Abstain": "decision.abstain",
    "OtherProbe": "baselines",
    "Candidate": "candidates",
}


def _recipe_page() -> str:
    full_schema = recipe.schema()
    schemas = {"Recipe": full_schema, **full_schema["$defs"]}
    parts = [
        "# The recipe",
        _MADE,
        "A YAML file. Unknown keys are errors. Precedence: the defaults below, then the file, then `--set KEY=VALUE` "
        "(`--set training.epochs=2`; an item of a list by its position: `--set candidates.0.rank=4`). Paths in a "
        "recipe are relative to it, in `--set` to the working directory. `finetooth recipe schema` prints the same as "
        "JSON Schema.",
    ]
    for name, title in _SECTIONS.items():
        parts += [f"## {title}", _fields(getattr(recipe, name), schemas[name])]
    return "\n\n".join(parts) + "\n"


def _fields(section: type[recipe.Section], described: dict[str, Any]) -> str:
    lines = ["| key | value | default | |", "| --- | --- | --- | --- |"]
    for key, field in section.model_fields.items():
        schema = described["properties"][key]
        default = "required" if field.is_required() else _default(field.get_default(call_default_factory=True))
        help_text = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{key}` | {_value(schema)} | {default} | {help_text} |")
    return "\n".join(lines)


def _default(value: Any) -> str:
    if isinstance(value, recipe.Section):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _value(field: dict[str, Any]) -> str:
    """What a field may hold, in words: `whole number from 1`, `head or head_tail`, `text or list of text`."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_value(choice) for choice in field["anyOf"]))
    if "$ref" in field:
        title = _SECTIONS[str(field["$ref"]).rsplit("/", 1)[-1]]
        return f"[{title}](#{title.replace('.', '')})"
    if "enum" in field:
        return " or ".join(f"`{choice}`" for choice in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field["type"] == "array":
        return f"list of {_value(field['items'])}"
    if field["type"] == "object":
        return f"mapping to {_value(field['additionalProperties'])}"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "null": "`null`"}
    return words.get(field["type"], str(field["type"])) + _bounds(field)


def _bounds(field: dict[str, Any]) -> str:
    bounds = [
        f"{words} {field[key]:g}"
        for key, words in (
            ("minimum", "from"),
            ("exclusiveMinimum", "above"),
            ("maximum", "to"),
            ("exclusiveMaximum", "below"),
        )
        if key in field
    ]
    return f" {' '.join(bounds)}" if bounds else ""


if __name__ == "__main__":
    try:
        write_docs(standalone_mode=False)
    except FinetoothError as error:
        sys.exit(str(error))
