"""The verbs that answer with a gate, exit code 0 or 3: verify, doctor."""

import shlex
import sys
from pathlib import Path

import click

from finetooth.cli import completing, options, output
from finetooth.cli.progress import progress_on

GATE_NOT_MET = 3


@click.command(short_help="Prove a finished run or an adapter again, offline.")
@click.argument("tuned", metavar="RUN|ADAPTER", type=click.Path(path_type=Path), shell_complete=completing.runs)
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

    found = pipeline.verify(tuned, base=base, progress=progress_on(sys.stderr))
    if as_json:
        output.emit_json(found.report())
    else:
        output.emit(render(found.report()))
        if found.verified:
            output.next_command(f'finetooth predict --with {shlex.quote(str(tuned))} "your text"')
    return 0 if found.verified else GATE_NOT_MET


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
    from finetooth.doctor.telling import told

    found = examine(folder, base=base, progress=progress_on(sys.stderr))
    if as_json:
        output.emit_json(found.report())
    else:
        output.emit(told(found))
    return 0 if found.whole else GATE_NOT_MET
