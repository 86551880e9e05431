"""The verbs that read a finished run or an adapter: show, recipe, compare, verify, doctor. None imports torch."""

import shlex
import sys
from pathlib import Path

import click

from finetooth.cli import completion, options, output
from finetooth.cli.terminal_lines import progress_on


@click.command(short_help="The table of a run.")
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path), shell_complete=completion.runs)
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


@click.command(short_help="Rows of several runs, tested in pairs.")
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True, shell_complete=completion.runs)
@click.option(
    "--fail-if-worse",
    is_flag=True,
    help="End with exit code 3 if a run is shown to be worse than the first, or has no winner.",
)
@options.as_json
def compare(runs: tuple[str, ...], fail_if_worse: bool, as_json: bool) -> int:
    """
    \b
        finetooth compare runs/old runs/new
        finetooth compare runs/old runs/new --fail-if-worse

    Compare the candidates of finished runs with the winner of the first, row by row of the same test set, with exact
    McNemar tests. Runs with other test rows are refused. A run is shown to be worse when its winner is behind and the
    p, Holm-corrected over the winners of the later runs, is below 0.05: with few test rows a small loss cannot be
    shown. Validation chose these winners, so that other candidates take nothing from this gate; their own p are
    corrected over all candidates. A later run without a winner that was scored on the test rows counts as worse.
    """
    if len(runs) < 2:
        raise click.UsageError("compare needs two or more run folders: finetooth compare RUN RUN")
    from finetooth.runs.across import compare as compare_runs

    comparison = compare_runs(runs)
    if as_json:
        output.emit_json(comparison)
    else:
        from finetooth.report.across import describe

        output.emit(describe(comparison))
        output.next_command(f"finetooth show {shlex.quote(comparison['reference']['run'])} --wide")
    return 3 if fail_if_worse and comparison["worse"] else 0


GATE_NOT_MET = 3


@click.command(short_help="Prove a finished run or an adapter again, offline.")
@click.argument("tuned", metavar="RUN|ADAPTER", type=click.Path(path_type=Path), shell_complete=completion.runs)
@click.option(
    "--base", metavar="SOURCE",
    help="The base model, if it is not where it was: a folder, or a wheel: or Hub id in the cache.",
)  # fmt: skip
@options.as_json
def verify(tuned: Path, base: str | None, as_json: bool) -> int:
    """
    \b
        finetooth verify runs/quickstart
        finetooth verify my-adapter --base ./all-MiniLM-L6-v2

    Check that everything is as it was when it was proven: files against their manifests, each certificate against the
    files, base, tokenizer and labels by content, and the logits of the probe sentences, computed again (bitwise where
    they were recorded, else within 1e-4). Of RUN, every row, with each figure computed again from the predictions.
    Nothing is fetched. Exit code 3 if anything differs, or if the base of RUN is not on this machine, without which
    all else is checked; it is named.
    """
    from finetooth import pipeline
    from finetooth.report.verification import render

    verification = pipeline.verify(tuned, base=base, progress=progress_on(sys.stderr))
    if as_json:
        output.emit_json(verification.report())
    else:
        output.emit(render(verification.report()))
        if verification.verified:
            output.next_command(f'finetooth predict --with {shlex.quote(str(tuned))} "your text"')
    return 0 if verification.verified else GATE_NOT_MET


@click.command(short_help="What is missing or odd in a PEFT adapter folder.")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--base", metavar="SOURCE",
    help="A base to compare with, by its config.json: a folder, or a wheel: or Hub id, which is brought whole.",
)  # fmt: skip
@options.as_json
def doctor(folder: Path, base: str | None, as_json: bool) -> int:
    """
    \b
        finetooth doctor my-adapter
        finetooth doctor my-adapter --base distilbert/distilbert-base-uncased

    Examine a PEFT adapter folder of any origin, and say how to mend what is missing or odd: trained biases or a head
    that were not saved, matrices without their partner, ranks and targets that disagree, values that are not finite,
    pickles, labels that no file names, a base that does not fit. Nothing is run, loaded or unpickled, and the weights
    of a base in a folder are not needed. Exit code 3 with a fault, 0 with notes only.
    """
    from finetooth.doctor import examine
    from finetooth.doctor.rendering import render

    diagnosis = examine(folder, base=base, progress=progress_on(sys.stderr))
    if as_json:
        output.emit_json(diagnosis.report())
    else:
        output.emit(render(diagnosis))
    return 0 if diagnosis.passed else GATE_NOT_MET
