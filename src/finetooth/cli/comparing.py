"""The verb that compares finished runs; it imports neither torch nor scikit-learn."""

import shlex

import click

from finetooth.cli import completing, options, output


@click.command(short_help="Rows of several runs, tested in pairs.")
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True, shell_complete=completing.runs)
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

    found = compare_runs(runs)
    if as_json:
        output.emit_json(found)
    else:
        from finetooth.report.across import describe

        output.emit(describe(found))
        output.next_command(f"finetooth show {shlex.quote(found['reference']['run'])} --wide")
    return 3 if fail_if_worse and found["worse"] else 0
