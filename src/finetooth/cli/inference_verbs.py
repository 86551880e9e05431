"""The verbs that use a trained adapter: predict, evaluate."""

import csv
import io
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finetooth.cli import completion, options, output
from finetooth.cli.terminal_lines import progress_on
from finetooth.errors import DataError, RecipeError, did_you_mean
from finetooth.wording import interval, rows_in_units, uses, wrapped

if TYPE_CHECKING:  # --help imports neither pydantic nor torch
    from finetooth.evaluation.decisions import Decided
    from finetooth.models.predictor import Prediction, Predictor

_WORTH_A_LINE = 256  # texts; fewer take too short a time for a progress line
_SHOWN = 5
_COLUMNS = 80
_LABEL_COLUMNS = 32
_BASE: Callable[[options.Command], options.Command] = click.option(
    "--base",
    metavar="SOURCE",
    help="The base model, if Finetooth does not find it from the adapter: a folder, a wheel: source or a Hub id.",
)


@click.command(short_help="Label texts with a run or an adapter.")
@click.argument("inputs", metavar="TEXT...|FILE|-", nargs=-1, required=True)
@click.option(
    "--with", "run_or_adapter", metavar="RUN|ADAPTER", required=True, type=click.Path(path_type=Path),
    shell_complete=completion.runs,
    help="A run folder (its winner is used) or an adapter folder.",
)  # fmt: skip
@click.option(
    "--text-pair", "text_pairs", metavar="TEXT", multiple=True,
    help="The second text of a pair; one for each TEXT, in the same order.",
)  # fmt: skip
@click.option("--text-column", metavar="NAME", help="Column of FILE with the text; by default it is detected.")
@click.option("--pair-column", metavar="NAME", help="Column of FILE with the second text of each pair.")
@_BASE
@options.exact
@options.as_json
def predict(
    inputs: tuple[str, ...],
    run_or_adapter: Path,
    base: str | None,
    text_pairs: tuple[str, ...],
    text_column: str | None,
    pair_column: str | None,
    exact: bool,
    as_json: bool,
) -> None:
    """
    \b
        finetooth predict --with runs/quickstart "A film to remember."
        finetooth predict --with runs/quickstart reviews.csv > labels.tsv

    Print the label of each text. A single argument that names an existing file is read as a file (CSV, TSV, JSONL,
    Parquet, or text with one example a line); `-` reads one text a line from stdin; other arguments are texts.

    For texts the output is a table. For a file or stdin it is tab-separated: a header, then one line for each example
    in order, with row, label and probability. row counts the examples from 1: the header of a table is not counted,
    nor are empty lines in it. Examples with a blank text are labelled too, and stderr names them. With --json: a list
    of label, probability and the probabilities of all labels. If an adapter abstains (decision.abstain), the label is
    empty, with --json null.
    """
    named = {key: name for key, name in (("text", text_column), ("text_pair", pair_column)) if name is not None}
    texts, pairs = _texts(inputs, text_pairs, run_or_adapter=run_or_adapter, named=named)
    predictor, decided = _decided(run_or_adapter, texts, pairs, base=base, exact=exact)
    if as_json:
        output.emit_json(predictor.predictions(decided))
        return
    streamed = _is_stream(inputs)
    if streamed:
        output.emit(_tab_separated(decided, predictor.classes), exact=True)
    else:
        output.emit(_aligned(predictor.predictions(decided), texts))
    abstained = int(decided.abstained.sum())
    if abstained:
        total = len(decided.labels)
        output.tell(f"no label for {abstained:,} of {total:,} texts: the adapter abstains if it is unsure.")
    if not streamed:
        output.next_command(f"finetooth evaluate {shlex.quote(str(run_or_adapter))}")


@click.command(short_help="Score a run or an adapter on its test split or other data.")
@click.argument(
    "run_or_adapter", metavar="RUN|ADAPTER", type=click.Path(path_type=Path), shell_complete=completion.runs
)
@click.option("--data", metavar="SOURCE", help="Labelled data to score on; by default the run's test split.")
@_BASE
@options.exact
@options.as_json
def evaluate(run_or_adapter: Path, data: str | None, base: str | None, exact: bool, as_json: bool) -> None:
    """
    \b
        finetooth evaluate runs/quickstart
        finetooth evaluate runs/quickstart --data more-reviews.csv

    Score the winner of RUN, or ADAPTER, from its saved files. It prints how many of the rows were scored before:
    rows that are scored often make figures less reliable. Scoring an unchanged adapter on the same rows again does not
    count.

    Examples of --data whose text is also in the run's training or validation examples are counted, and the others are
    scored separately: figures on examples that a model was trained on are not a test result. For an adapter that was
    copied out of its run folder this cannot be checked. With --json: seen_rows (train, validation; null if unknown),
    unseen (figures of the others; null if none or all were seen) and note.
    """
    import finetooth

    figures = finetooth.evaluate(run_or_adapter, data=data, base=base, progress=progress_on(sys.stderr), exact=exact)
    then = f'finetooth predict --with {shlex.quote(str(run_or_adapter))} "your text"'
    output.emit_either(figures, lambda: _scores(run_or_adapter, figures), as_json=as_json, then=then)


def _is_stream(inputs: Sequence[str]) -> bool:
    return len(inputs) == 1 and (inputs[0] == "-" or _is_file(inputs[0]))


def _is_file(text: str) -> bool:
    return _exists(text) and Path(text).is_file()


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long for a name, or with a NUL character
        return False


def _texts(
    inputs: Sequence[str], text_pairs: Sequence[str], *, run_or_adapter: Path, named: dict[str, str]
) -> tuple[list[str], list[str] | None]:
    """The texts to label and, for pairs, their second texts. named: the columns text and text_pair of a file.

    Raises: RecipeError if the arguments contradict each other; DataError if there is nothing to label.
    """
    pairs: list[str] | None = list(text_pairs) or None
    if _is_stream(inputs):
        if pairs:
            raise RecipeError("--text-pair needs TEXT arguments. For a file, name the column with --pair-column.")
        name = "stdin" if inputs[0] == "-" else inputs[0]
        if inputs[0] == "-":
            texts = _lines_of_stdin()
        else:
            from finetooth.data import read_texts
            from finetooth.pipeline.trained_model import data_of, run_of

            folder = run_of(run_or_adapter.absolute())
            spec, columns = (None, None) if folder is None else data_of(folder)  # within a run, read as its data was
            progress = progress_on(sys.stderr)
            texts, pairs = read_texts(Path(name), spec=spec, run_columns=columns, named=named, progress=progress)
        if not texts:
            raise DataError(f"{name}: has no text to label.")
        if not any(map(str.strip, texts)):
            raise DataError(f"{name}: has only blank texts, so there is nothing to label.")
    else:
        texts = list(inputs)
        _check_no_file_names(texts)
        if pairs and len(pairs) != len(texts):
            raise RecipeError(
                f"there are {len(texts)} TEXT but {len(pairs)} --text-pair. Give one --text-pair for each TEXT."
            )
        empty = [number for number, text in enumerate(texts, start=1) if not text.strip()]
        if empty:
            raise DataError(f"text {empty[0]} of {len(texts)} is empty. Remove it, or write a text.")
    return texts, pairs


def _lines_of_stdin() -> list[str]:
    """The lines of stdin; blank lines are named on stderr, since they are labelled too."""
    lines, blank = list[str](), list[str]()
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            lines.append(line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n"))
        except UnicodeDecodeError as error:
            raise DataError(f"stdin line {number}: not UTF-8 ({error.reason}). Convert it with iconv.") from error
        if not lines[-1].strip():
            blank.append(str(number))
    if blank:
        more = f" and {len(blank) - _SHOWN:,} more" if len(blank) > _SHOWN else ""
        output.tell(f"stdin: these lines are blank and are labelled too: {', '.join(blank[:_SHOWN])}{more}.")
    return lines


def _check_no_file_names(texts: Sequence[str]) -> None:
    """Check that no text is the name of a file, which would be labelled as text. Raises: RecipeError."""
    from finetooth.data.discover import names_data

    for text in texts:
        if text == "-" or _is_file(text):
            raise RecipeError(
                f"{text}: is a file or -. Give it as the only argument; {len(texts)} arguments are texts."
            )
        if _exists(text) and (
            not Path(text).is_dir() or (len(texts) == 1 and "/" in text)
        ):  # a pipe or device; a folder
            raise RecipeError(f"{text}: is not a regular file. Give a file, or - and its texts on stdin, one a line.")
        if len(texts) > 1 or any(map(str.isspace, text)):
            continue
        if names_data(Path(text)):
            near = [str(item) for item in Path(text).parent.glob("*")] if Path(text).parent.is_dir() else []
            raise RecipeError(f"{text}: no such file.{did_you_mean(text, near)}")


def _decided(
    run_or_adapter: Path, texts: Sequence[str], pairs: Sequence[str] | None, *, base: str | None, exact: bool
) -> "tuple[Predictor, Decided]":
    import finetooth

    progress = progress_on(sys.stderr)
    predictor = finetooth.load(run_or_adapter, base=base, progress=progress, exact=exact)
    if len(texts) < _WORTH_A_LINE:
        return predictor, predictor.decide(texts, pairs)
    with progress.step("predict", total=len(texts), unit="texts") as step:
        return predictor, predictor.decide(texts, pairs, advance=step.advance)


def _tab_separated(decided: "Decided", classes: Sequence[str]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines, dialect="excel-tab", lineterminator="\n")
    writer.writerow(["row", "label", "probability"])
    for row, (label, abstained) in enumerate(zip(decided.labels, decided.abstained, strict=True)):
        answer = None if abstained else classes[label]
        writer.writerow([row + 1, answer, f"{decided.probabilities[row, label]:.6f}"])
    return lines.getvalue()


def _aligned(answers: "Sequence[Prediction]", texts: Sequence[str]) -> str:
    labels = [output.one_line(answer["label"] or "", _LABEL_COLUMNS) for answer in answers]
    width = max(map(output.columns_of, [*labels, "label"]))
    left = _COLUMNS - width - len("  probability  ")
    lines = [f"label{'':{width - len('label')}}  probability  text"]
    for label, answer, text in zip(labels, answers, texts, strict=True):
        padding = " " * (width - output.columns_of(label))
        lines.append(f"{label}{padding}  {answer['probability']:>11.4f}  {output.one_line(text, left)}")
    return "\n".join(lines)


def _measured(figures: dict[str, Any], *, tested: bool) -> list[str]:
    """The figures of some examples, one a line, with the interval of the accuracy if they are a test result."""
    sure = f"  {_interval(figures['accuracy_interval'])}" if tested else ""
    lines = [
        f"accuracy  {100 * figures['accuracy']:6.1f} %{sure}",
        f"macro F1  {100 * figures['macro_f1']:6.1f} %",
        f"loss      {figures['loss']:8.4f}",
    ]
    if "coverage" in figures:  # of an adapter that abstains
        coverage, count = figures["coverage"], round(figures["coverage"] * figures["examples"])
        lines.append(f"answered  {100 * coverage:6.1f} %  {count:,} examples; on the others it abstains")
        if count:
            right = figures["accuracy_answered"]
            ends = figures["accuracy_answered_interval"]
            lines.append(f"  right   {100 * right:6.1f} %  of those; {_interval(ends)}")
    return lines


def _interval(ends: Sequence[float]) -> str:
    return f"95 % interval {interval(ends)}"


def _scores(run_or_adapter: Path, figures: dict[str, Any]) -> str:
    from finetooth.report.notes import PRECISIONS

    what = f"{figures['split']} split" if figures.get("split") else figures["source"]
    group = figures["group"]
    counts = rows_in_units(figures["examples"], "example", units=figures["units"], group=group)
    lines = [f"{run_or_adapter}, {what}: {counts}"]
    note, unseen = figures.get("note"), figures.get("unseen")
    if note:
        lines += ["", wrapped(note)]
    seen = any((figures.get("seen_rows") or {}).values())
    if unseen:
        rows = rows_in_units(unseen["examples"], "row", units=unseen["units"], group=group)
        lines += ["", f"The {rows} that the run has not seen:", *_measured(unseen, tested=True)]
    if seen:
        lines += [
            "",
            f"All {figures['examples']:,} rows, seen and unseen:" if unseen else "These rows, all of them seen:",
        ]
    lines += [*([] if seen else [""]), *_measured(figures, tested=not seen)]
    lines += ["", f"Computed in {PRECISIONS[figures['precision']]}."] if figures.get("precision") else []
    if figures.get("test_openings"):
        lines += ["", wrapped(f"{'This data' if seen else 'Test set'}: {uses(figures)}.")]
    return "\n".join(lines)
