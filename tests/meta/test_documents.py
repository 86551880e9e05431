"""What the documents say is so: pages are up to date, commands exist, recipes are valid, links lead somewhere."""

import inspect
import re
import shlex
import signal

import click
import pytest
from source_tree import REPOSITORY

from finetooth import errors, recipe
from finetooth.cli.app import finetooth
from finetooth.cli.docs import commands, pages
from finetooth.cli.exit_codes import INTERRUPTED, OTHER_CODES, READER_GONE
from finetooth.cli.result_verbs import CHECK_FAILED

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


def exit_codes():
    """Every exit code of the command, from the code."""
    classes = [item for item in vars(errors).values() if isinstance(item, type) and item.__module__ == errors.__name__]
    of_errors = {item.exit_code for item in classes if item is not errors.Interrupted}
    of_signals = {errors.Interrupted("", signal_number=number).exit_code for number in (signal.SIGINT, signal.SIGTERM)}
    others = {code for code, _ in OTHER_CODES.values()}
    return {0, CHECK_FAILED, INTERRUPTED, READER_GONE} | of_errors | of_signals | others


@pytest.mark.parametrize("name", ["AGENTS.md", "docs/cli.md"])
def test_the_table_of_exit_codes_is_that_of_the_code(name):
    rows = re.findall(r"^\| (\d[\d, ]*) \|", (REPOSITORY / name).read_text(encoding="utf-8"), re.MULTILINE)
    codes = [int(code) for row in rows for code in row.split(",")]
    assert sorted(codes) == sorted(exit_codes())


def test_llms_txt_says_every_exit_code():
    text = (REPOSITORY / "llms.txt").read_text(encoding="utf-8")
    sentence = re.search(r"Exit codes: ([^.]*)\.", text)[1]
    assert sorted(map(int, re.findall(r"\d+", sentence))) == sorted(exit_codes())


def test_every_place_without_the_address_of_the_repository_is_listed_for_the_owner():
    contributing = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    releasing = re.search(r"^## Releasing\n(.*?)^## ", contributing, re.MULTILINE | re.DOTALL)[1]
    listed = {name for name, _ in re.findall(r"^- `([^`]+)`: (OWNER|REPOSITORY)\b", releasing, re.MULTILINE)}
    setup = (REPOSITORY / "setup.py").read_text(encoding="utf-8")
    repository = re.search(r'^REPOSITORY = "https://[^/]+/(\S+)"$', setup, re.MULTILINE)[1]
    place = re.compile(rf"\b{re.escape(repository)}\b|\bOWNER/|\bclone REPOSITORY\b")  # filled in, or still to fill in
    files = [path for path in source_files() if place.search(path.read_text(encoding="utf-8", errors="replace"))]
    assert {path.relative_to(REPOSITORY).as_posix() for path in files} == listed


def source_files():
    """The files of the repository, this one and the release workflow left out: they name what they look for."""
    folders = ("src", "docs", "recipes", "notebooks", "tests", "benchmarks", ".github")
    paths = [*REPOSITORY.iterdir(), *(path for folder in folders for path in (REPOSITORY / folder).rglob("*"))]
    made = ("__pycache__", "finetooth.egg-info", ".ipynb_checkpoints", "runs")
    named = ("test_documents.py", "release.yml")
    return [path for path in paths if path.is_file() and path.name not in named and not {*path.parts} & {*made}]
