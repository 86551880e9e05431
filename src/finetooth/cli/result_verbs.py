"""The verbs that read finished runs, adapters or predictions: show, compare, judge, verify... None imports torch."""

import shlex
import sys
from pathlib import Path

import click

from finetooth.cli import completion, options, output
from finetooth.cli.terminal_lines import progress_on


@click.command(short_help="Print the table of a run.")
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path), shell_complete=completion.runs)
@options.as_json
@options.wide
def show(run_folder: Path, as_json: bool, wide: bool) -> None:
    """
    \b
        finetooth show runs/quickstart

    Print the table of the run folder RUN, or with --json its results and costs.
    """
    if as_json:
        from finetooth.runs.results import contract

        output.emit_json(contract(run_folder))
    else:
        output.emit(table_of(run_folder, wide=wide))


@click.group(short_help="Print the JSON Schema of recipes.")
def recipe() -> None:
    """
    \b
        finetooth recipe schema > recipe.schema.json

    Describe the recipe's keys.
    """


@recipe.command(short_help="Print the JSON Schema of recipes.")
def schema() -> None:
    """
    \b
        finetooth recipe schema > recipe.schema.json

    Print the JSON Schema of recipes: every key with its help, unit and default. With it, editors complete and check
    recipes.
    """
    from finetooth.recipe import schema as recipe_schema

    output.emit_json(recipe_schema())
    output.next_command("finetooth check RECIPE")


def table_of(run_folder: Path, *, wide: bool) -> str:
    """The table of a run folder for the terminal; it ends with the suggested next command."""
    from finetooth.report.terminal import printed

    return printed(run_folder, colour=output.colour_wanted(), wide=wide)


@click.command(short_help="Compare several runs with paired tests.")
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True, shell_complete=completion.runs)
@click.option(
    "--fail-if-worse",
    is_flag=True,
    help="End with exit code 3 if a run is shown to be worse than the first, or has no winner.",
)
@click.option(
    "--fail-unless-within",
    "within",
    metavar="POINTS",
    type=click.FloatRange(min=0, min_open=True, max=100),
    help="End with exit code 3 unless each later run is shown to lose at most so many points of accuracy.",
)
@options.as_json
def compare(runs: tuple[str, ...], fail_if_worse: bool, within: float | None, as_json: bool) -> int:
    """
    \b
        finetooth compare runs/old runs/new
        finetooth compare runs/old runs/new --fail-unless-within 0.5

    Compare the candidates of finished runs with the winner of the first run, on the same test examples: each
    difference with its 95 % interval. Runs with other test examples are refused. With --fail-unless-within, a run
    fails unless the interval shows that its winner loses at most so many points; few test examples cannot show that.
    With --fail-if-worse, a run fails if its winner is shown to be worse: it has the lower figure, and its p (sign flips
    of units; McNemar's mid-p for single rows; Holm-corrected over the winners of the later runs) is below 0.05. A later
    run whose winner has no test score fails both.
    """
    if len(runs) < 2:
        raise click.UsageError("compare needs at least two run folders: finetooth compare RUN RUN")
    from finetooth.report.compared import describe
    from finetooth.runs.across import compare as compare_runs

    comparison = compare_runs(runs, within=None if within is None else within / 100)
    then = f"finetooth show {shlex.quote(comparison['reference']['run'])} --wide"
    output.emit_either(comparison, lambda: describe(comparison), as_json=as_json, then=then)
    return 3 if (fail_if_worse and comparison["worse"]) or comparison["not_shown_within"] else 0


@click.command(short_help="Score files of predictions on the same labelled rows.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("--truth", metavar="FILE", required=True, type=click.Path(), help="The labelled rows.")
@click.option(
    "--group",
    metavar="COLUMN",
    help="Column of the labelled rows; rows with the same value are one unit of sampling.",
)
@options.as_json
def judge(files: tuple[str, ...], truth: str, group: str | None, as_json: bool) -> None:
    """
    \b
        finetooth judge gpt.csv setfit.csv --truth test.csv

    Score the predictions of any systems on the same labelled rows, and compare each later FILE with the first. Nothing
    is trained, and nothing about the predictions is verified. Each FILE (CSV, TSV, JSONL, Parquet) has a column with a
    label, which may be empty if there is no answer; that counts as wrong. Its rows are matched with those of --truth
    by a column `id` in both, else by the text, else by a column `row`: the number of the labelled row, from 1, as
    `predict` writes it. Every labelled row needs a prediction. As `evaluate` does, it records that the rows were
    scored; to judge the same files again does not count.
    """
    from finetooth.report.judgement import describe
    from finetooth.runs.judging import judge as judge_files

    judgement = judge_files(files, truth=truth, group=group)
    output.emit_either(judgement, lambda: describe(judgement), as_json=as_json)


CHECK_FAILED = 3


@click.command(short_help="Verify a finished run or an adapter again, offline.")
@click.argument(
    "run_or_adapter", metavar="RUN|ADAPTER", type=click.Path(path_type=Path), shell_complete=completion.runs
)
@click.option(
    "--base", metavar="SOURCE",
    help="The base model, if it was moved: a folder, or a wheel: source or Hub id in the cache.",
)  # fmt: skip
@options.as_json
def verify(run_or_adapter: Path, base: str | None, as_json: bool) -> int:
    """
    \b
        finetooth verify runs/quickstart
        finetooth verify my-adapter --base ./all-MiniLM-L6-v2

    Check that nothing has changed since the run: the files, the recorded reload checks, and the content of base,
    tokenizer and labels. The outputs for 8 reference inputs are computed again (they must be equal bitwise on the
    same platform, within 1e-4 on another). For RUN, every row of the table is checked, and each score is computed
    again from the stored predictions. Nothing is fetched. Exit code 3 if anything differs. If the base of RUN is not
    on this machine, everything that needs no base is checked, and the exit code is 3.
    """
    import finetooth
    from finetooth.report.verification import render

    verification = finetooth.verify(run_or_adapter, base=base, progress=progress_on(sys.stderr))
    report, then = verification.report(), f'finetooth predict --with {shlex.quote(str(run_or_adapter))} "your text"'
    output.emit_either(report, lambda: render(report), as_json=as_json, then=then if verification.verified else None)
    return 0 if verification.verified else CHECK_FAILED


@click.command(short_help="Find what is wrong in a PEFT adapter folder.")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--base", metavar="SOURCE",
    help="Compare with the config.json of this base: a folder, or a wheel: source or Hub id, which is fetched.",
)  # fmt: skip
@options.as_json
def doctor(folder: Path, base: str | None, as_json: bool) -> int:
    """
    \b
        finetooth doctor my-adapter
        finetooth doctor my-adapter --base distilbert/distilbert-base-uncased

    Examine a PEFT adapter folder of any origin, and say how to fix what is missing or wrong: trained biases or a head
    that were not saved, a lora_A without its lora_B, ranks and targets that disagree, values that are not finite,
    pickles, missing labels, a base that does not match. No code in the folder is executed, nothing is unpickled, and
    the weights of a base folder are not needed. Exit code 3 if there is a fault, 0 if there are only notes.
    """
    from finetooth.doctor import examine
    from finetooth.doctor.diagnosis import render

    diagnosis = examine(folder, base=base, progress=progress_on(sys.stderr))
    output.emit_either(diagnosis.report(), lambda: render(diagnosis), as_json=as_json)
    return 0 if diagnosis.passed else CHECK_FAILED
