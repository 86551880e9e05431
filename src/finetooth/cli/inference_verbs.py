"""The verbs that use what was tuned: predict, evaluate."""

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
from finetooth.wording import interval, times, wrapped

if TYPE_CHECKING:  # help is printed without pydantic and torch
    from finetooth.measure.decisions import Decided
    from finetooth.model.predictor import Prediction, Predictor

_WORTH_A_LINE = 256  # texts: fewer are done before a progress line could be read
_SHOWN = 5
_COLUMNS = 80
_LABEL_COLUMNS = 32
_BASE: Callable[[options.Command], options.Command] = click.option(
    "--base",
    metavar="SOURCE",
    help="The base model, for an adapter that was moved: a folder, wheel: or Hub id.",
)


@click.command(short_help="Label texts with a run or an adapter.")
@click.argument("inputs", metavar="TEXT...|FILE|-", nargs=-1, required=True)
@click.option(
    "--with", "tuned", metavar="RUN|ADAPTER", required=True, type=click.Path(path_type=Path),
    shell_complete=completion.runs,
    help="A run folder (its winner is used) or an adapter folder.",
)  # fmt: skip
@click.option(
    "--text-pair", "text_pairs", metavar="TEXT", multiple=True,
    help="The second text of a pair; as many as there are TEXTs, in their order.",
)  # fmt: skip
@click.option("--text-column", metavar="NAME", help="Column of FILE that holds the text; found if not given.")
@click.option("--pair-column", metavar="NAME", help="Column of FILE that holds the second text of each pair.")
@_BASE
@options.exact
@options.as_json
def predict(
    inputs: tuple[str, ...],
    tuned: Path,
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

    Print the label of each text. One argument that names an existing file is read as a file (CSV, TSV, JSONL,
    Parquet, or text with one example a line); `-` reads one text a line from stdin; all else is text.

    For texts the output is a table; for a file or stdin it is tab-separated, with a header, one line for each example
    in its order: row (counted from 1), label, probability. A blank text in them is labelled like any other, so that
    lines stay in step with rows, and told on stderr; rows of a table without any field are no rows. With --json, a list
    of label, probability and the probabilities of all labels. Where an adapter abstains (decision.abstain), the label
    is empty, with --json null.
    """
    named = {key: name for key, name in (("text", text_column), ("text_pair", pair_column)) if name is not None}
    texts, pairs = _texts(inputs, text_pairs, tuned=tuned, named=named)
    predictor, decided = _decided(tuned, texts, pairs, base=base, exact=exact)
    if as_json:
        output.emit_json(predictor.predictions(decided))
        return
    streamed = _is_stream(inputs)
    if streamed:
        output.emit(_tab_separated(decided, predictor.classes), exact=True)
    else:
        output.emit(_aligned(predictor.predictions(decided), texts))
    _tell_of_abstained(decided)
    if not streamed:
        output.next_command(f"finetooth evaluate {shlex.quote(str(tuned))}")


@click.command(short_help="Score a run or an adapter on its test split or other data.")
@click.argument("tuned", metavar="RUN|ADAPTER", type=click.Path(path_type=Path), shell_complete=completion.runs)
@click.option("--data", metavar="SOURCE", help="Labelled data to score on; the run's test split if not given.")
@_BASE
@options.exact
@options.as_json
def evaluate(tuned: Path, data: str | None, base: str | None, exact: bool, as_json: bool) -> None:
    """
    \b
        finetooth evaluate runs/quickstart
        finetooth evaluate runs/quickstart --data more-reviews.csv

    Score the winner of RUN, or ADAPTER, from its saved files. Each look at a test split is counted, and the count is
    printed: a test set looked at often says less.

    Rows of --data whose text stands in the training or validation rows of the run are counted, and the other rows are
    scored apart: figures over rows that a model was trained on are not a test result. An adapter outside its run keeps
    no record of its rows. With --json: seen_rows (train, validation; null where not known), unseen (figures of the
    other rows, null where none or all were seen) and note.
    """
    from finetooth import pipeline

    figures = pipeline.evaluate(tuned, data=data, base=base, progress=progress_on(sys.stderr), exact=exact)
    if as_json:
        output.emit_json(figures)
        return
    output.emit(_scores(tuned, figures))
    output.next_command(f'finetooth predict --with {shlex.quote(str(tuned))} "your text"')


def _is_stream(inputs: Sequence[str]) -> bool:
    return len(inputs) == 1 and (inputs[0] == "-" or _is_file(inputs[0]))


def _is_file(text: str) -> bool:
    return _exists(text) and Path(text).is_file()


def _is_special(text: str) -> bool:
    """Whether a pipe, socket or device goes by that name: no word that someone wants labelled."""
    return _exists(text) and not Path(text).is_file() and not Path(text).is_dir()


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # too long for a name, or holds a NUL: a text
        return False


def _of_file(path: Path, *, tuned: Path, named: dict[str, str]) -> tuple[list[str], list[str] | None]:
    """The texts of a file, and their second texts: read as the data of the run was, if `tuned` is or lies in one."""
    from finetooth.data import read_texts
    from finetooth.pipeline.using import data_of, run_of

    folder = run_of(tuned.absolute())
    spec, columns = (None, None) if folder is None else data_of(folder)
    return read_texts(path, spec=spec, found=columns, named=named, progress=progress_on(sys.stderr))


def _texts(
    inputs: Sequence[str], text_pairs: Sequence[str], *, tuned: Path, named: dict[str, str]
) -> tuple[list[str], list[str] | None]:
    """The texts to label and, for pairs, their second texts. named: columns of a file, text and text_pair.

    Raises: RecipeError when the arguments do not go together; DataError when there is nothing to label.
    """
    pairs: list[str] | None = list(text_pairs) or None
    if _is_stream(inputs):
        if pairs:
            raise RecipeError("--text-pair goes with TEXT arguments; for a file name its column with --pair-column.")
        source = inputs[0]
        if source == "-":
            texts = _lines_of_stdin()
            _tell_of_blank(texts)
        else:
            texts, pairs = _of_file(Path(source), tuned=tuned, named=named)
        if not texts:
            raise DataError(f"{'stdin' if source == '-' else source}: holds no text to label.")
        if not any(map(str.strip, texts)):
            raise DataError(
                f"{'stdin' if source == '-' else source}: holds only blank texts; there is nothing to label."
            )
    else:
        texts = list(inputs)
        _refuse_files_among(texts)
        if pairs and len(pairs) != len(texts):
            raise RecipeError(f"{len(texts)} TEXT but {len(pairs)} --text-pair: give one --text-pair for each TEXT.")
        empty = [number for number, text in enumerate(texts, start=1) if not text.strip()]
        if empty:
            raise DataError(f"text {empty[0]} of {len(texts)} is empty: there is nothing to label.")
    return texts, pairs


def _tell_of_blank(lines: Sequence[str]) -> None:
    """Say which lines of stdin are labelled although nothing stands in them, as a file's are told when it is read."""
    blank = [str(number) for number, line in enumerate(lines, start=1) if not line.strip()]
    if blank:
        more = f" and {len(blank) - _SHOWN:,} more" if len(blank) > _SHOWN else ""
        output.tell(f"stdin: blank lines, labelled as they are: {', '.join(blank[:_SHOWN])}{more}.")


def _lines_of_stdin() -> list[str]:
    lines = []
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            lines.append(line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n"))
        except UnicodeDecodeError as error:
            raise DataError(f"stdin line {number}: not UTF-8 ({error.reason}). Convert it with iconv.") from error
    return lines


def _refuse_files_among(texts: Sequence[str]) -> None:
    """Stop where the name of a file would be labelled as if it were a text."""
    from finetooth.data.discover import names_data

    for text in texts:
        if text == "-" or _is_file(text):
            raise RecipeError(f"{text}: give a file or - alone; {len(texts)} arguments are read as texts.")
        if _is_special(text) or (len(texts) == 1 and "/" in text and _exists(text)):
            raise RecipeError(f"{text}: is no regular file. Give a file, or its texts on stdin, one a line: -")
        if len(texts) > 1 or any(map(str.isspace, text)):
            continue
        if names_data(Path(text)):
            near = [str(item) for item in Path(text).parent.glob("*")] if Path(text).parent.is_dir() else []
            raise RecipeError(f"{text}: no such file.{did_you_mean(text, near)}")


def _decided(
    tuned: Path, texts: Sequence[str], pairs: Sequence[str] | None, *, base: str | None, exact: bool
) -> "tuple[Predictor, Decided]":
    import finetooth

    progress = progress_on(sys.stderr)
    predictor = finetooth.load(tuned, base=base, progress=progress, exact=exact)
    if len(texts) < _WORTH_A_LINE:
        return predictor, predictor.decide(texts, pairs)
    with progress.step("predict", total=len(texts), unit="texts") as step:
        return predictor, predictor.decide(texts, pairs, advance=step.advance)


def _tell_of_abstained(decided: "Decided") -> None:
    count = int(decided.abstained.sum())
    if count:
        total = len(decided.labels)
        output.tell(f"no label for {count:,} of {total:,} texts: the adapter abstains where it is not sure.")


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
    """The figures of some rows, one a line; the interval of the accuracy where they are a test of the adapter."""
    from finetooth.measure.intervals import wilson

    low, high = wilson(round(figures["accuracy"] * figures["examples"]), figures["examples"])
    sure = f"  95 % interval {interval((low, high))}" if tested else ""
    lines = [
        f"accuracy  {100 * figures['accuracy']:6.1f} %{sure}",
        f"macro F1  {100 * figures['macro_f1']:6.1f} %",
        f"loss      {figures['loss']:8.4f}",
    ]
    return lines + _answered(figures) if "coverage" in figures else lines


def _answered(figures: dict[str, Any]) -> list[str]:
    """Which rows an adapter that abstains answers, and how well; the accuracy above these lines is over all of them."""
    from finetooth.measure.intervals import wilson

    coverage, count = figures["coverage"], round(figures["coverage"] * figures["examples"])
    lines = [f"answered  {100 * coverage:6.1f} %  {count:,} examples; on the others it abstains"]
    if count:
        low, high = wilson(round(figures["accuracy_answered"] * count), count)
        sure = f"95 % interval {interval((low, high))}"
        lines.append(f"  right   {100 * figures['accuracy_answered']:6.1f} %  of those; {sure}")
    return lines


def _scores(tuned: Path, figures: dict[str, Any]) -> str:
    from finetooth.report.wording import PRECISIONS

    what = f"{figures['split']} split" if figures.get("split") else figures["source"]
    lines = [f"{tuned}, {what}: {figures['examples']:,} examples"]
    note, unseen = figures.get("note"), figures.get("unseen")
    if note:
        lines += ["", wrapped(note)]
    seen = any((figures.get("seen_rows") or {}).values())
    if unseen:
        lines += ["", f"The {unseen['examples']:,} rows that the run has not seen:", *_measured(unseen, tested=True)]
    if seen:
        lines += [
            "",
            f"All {figures['examples']:,} rows, seen and unseen:" if unseen else "These rows, all of them seen:",
        ]
    lines += [*([] if seen else [""]), *_measured(figures, tested=not seen)]
    lines += ["", f"Computed in {PRECISIONS[figures['precision']]}."] if figures.get("precision") else []
    openings = figures.get("test_openings")
    if openings:
        lines += ["", f"{'These rows have' if seen else 'This test set has'} been opened {times(openings)}."]
    return "\n".join(lines)
