"""What the documents say is so: pages are up to date, commands exist, recipes are valid, links lead somewhere."""

import inspect
import re
import shlex

import click
import pytest
from source_tree import REPOSITORY

from finetooth import recipe
from finetooth.cli.app import finetooth
from finetooth.cli.docs import commands, pages

DOCUMENTS = sorted(
    [
        *REPOSITORY.glob("*.md"),
        REPOSITORY / "llms.txt",
        *(REPOSITORY / "docs").rglob("*.md"),
        *REPOSITORY.glob("recipes/*.md"),
    ]
)
RECIPES = sorted([*REPOSITORY.glob("recipes/*.yaml"), REPOSITORY / "src/finetooth/quickstart.yaml"])
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def shell_lines(text):
    """What follows `finetooth` in each line of code that calls it, and whether the line is whole, to be copied."""
    prose, fence = [], None
    whole = []
    for line in text.replace("\b\n", "").replace("\\\n", " ").splitlines():
        if line.startswith("```"):
            fence = None if fence is not None else line.removeprefix("```")
        elif fence is not None and fence not in ("python", "yaml", "json"):
            whole.append(line)
        elif fence is None:
            (whole if line.startswith("    ") else prose).append(line)
    for lines, is_whole in ((whole, True), (re.findall(r"`([^`\n]*)`", "\n".join(prose)), False)):
        for line in lines:
            match = re.match(r"\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?finetooth\s+(.*)", line)
            if match:
                yield match[1], is_whole


def arguments_of(line, is_whole):
    """The arguments of a command line; click raises where the line does not fit the commands."""
    words = shlex.split(line, comments=True)
    operators = {"|", ">", ">>", "<", "&&", "||", ";", "&"}
    words = words[: next((number for number, word in enumerate(words) if word in operators), len(words))]
    command, context = finetooth, click.Context(finetooth, **finetooth.context_settings)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        _, command, words = command.resolve_command(context, words)
        context = click.Context(command, parent=context)
    try:
        command.make_context(command.name, list(words), parent=context.parent)
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):  # --help, --version, a group alone
        pass
    except click.MissingParameter:  # `finetooth show` in a sentence
        assert not is_whole, line
    return words


EXAMPLES = sorted(
    {
        (name, *example)
        for name, text in [
            *((path.name, path.read_text(encoding="utf-8")) for path in DOCUMENTS),
            *((f"help of {command.name}", inspect.cleandoc(command.help or "")) for command, _ in commands()),
        ]
        for example in shell_lines(text)
    }
)


@pytest.mark.parametrize("place, line, is_whole", EXAMPLES)
def test_every_command_shown_fits_the_command_line(place, line, is_whole):
    for argument in arguments_of(line, is_whole):
        if argument.startswith("recipes/"):
            assert (REPOSITORY / argument).is_file(), f"{place}: {argument} is no recipe of ours."


def test_the_readme_installs_finetooth_before_it_calls_it():
    blocks = re.findall(r"^```sh\n(.*?)^```", (REPOSITORY / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    lines = "".join(blocks).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("finetooth "))
    assert "pip install ./finetooth" in lines[:first]


@pytest.mark.parametrize("part", ["rejects.jsonl", "10,000 characters", "baseline/vocabulary.json", ".work"])
def test_what_a_run_folder_holds_of_the_data_is_said(part):
    assert part in (REPOSITORY / "SECURITY.md").read_text(encoding="utf-8")


def test_the_documents_show_commands():
    shown = {line.split()[0] for place, line, _ in EXAMPLES if place == "README.md"}
    assert shown >= {"quickstart", "run", "check", "predict", "evaluate"}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_every_recipe_is_valid(path):
    assert recipe.load(path).name == path.stem


@pytest.mark.parametrize("command, context", list(commands()), ids=lambda item: getattr(item, "name", None))
def test_the_help_of_every_verb_opens_with_an_example_that_fits_80_columns(command, context):
    assert (command.help or "").strip().removeprefix("\b").strip().startswith("finetooth ")
    assert max(map(len, command.get_help(context).splitlines())) <= 80


def test_every_option_says_what_it_does():
    for command, context in commands():
        for parameter in command.get_params(context):
            assert isinstance(parameter, click.Argument) or parameter.help, f"{command.name}: {parameter.name}"


@pytest.mark.parametrize("name", list(pages()))
def test_generated_pages_are_up_to_date(name):
    page = REPOSITORY / "docs" / name
    assert page.read_text(encoding="utf-8") == pages()[name], f"docs/{name} is not up to date; run: make docs"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(path):
    for target in _LINK.findall(path.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (path.parent / target).exists(), f"{path.name} links to {target}, which does not exist."


def test_the_changelog_has_unreleased_work_first():
    headings = re.findall(r"^## (.*)$", (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[0] == "[Unreleased]"


def test_the_licence_is_whole():
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text
