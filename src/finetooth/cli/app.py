"""The command `finetooth`; exit codes are in exit_codes."""

import gc
import os
import sys
from collections.abc import Sequence

import click

from finetooth.cli import inference_verbs, recipe_verbs, result_verbs
from finetooth.cli.exit_codes import exit_code
from finetooth.cli.streams import check_process, open_streams

_EPILOG = """\b
Exit codes: 0 done, 1 an error you can fix (or a failed row), 2 wrong usage or
recipe, 3 `verify` or `doctor` found a fault, or a run failed a gate of
`compare`, 70 a bug in Finetooth, 130 and 143 interrupted (the same command
continues). Results go to stdout, progress to stderr."""


class _InOrderOfUse(click.Group):
    """A group that lists its verbs in the order in which they are added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    name="finetooth", cls=_InOrderOfUse, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="finetooth", message="finetooth %(version)s")
def finetooth() -> None:
    """
    \b
        finetooth quickstart

    Fine-tune a pre-trained text model on your labels by training a few per cent of its parameters, and test whether
    the result is better than simpler methods.
    """


for _verb in (
    recipe_verbs.quickstart,
    recipe_verbs.init,
    recipe_verbs.run,
    recipe_verbs.check,
    inference_verbs.predict,
    inference_verbs.evaluate,
    result_verbs.verify,
    result_verbs.doctor,
    result_verbs.show,
    result_verbs.compare,
    result_verbs.judge,
    result_verbs.recipe,
    recipe_verbs.fetch,
):
    finetooth.add_command(_verb)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    # Other libraries print progress bars and advice to stderr; the user's own settings are kept.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("MKL_CBWR", "AUTO")  # the same bits in every process (docs/adr/0005); torch reads it
    if "OMP_WAIT_POLICY" not in os.environ:  # read when torch is loaded; docs/experiments.md says why
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    gc.set_threshold(50_000)  # imports create many lasting objects; collecting among them often takes 0.6 s
    open_streams()
    words = sys.argv[1:] if arguments is None else list(arguments)

    def work() -> object:
        check_process(words)
        return finetooth.main(args=words, prog_name="finetooth", standalone_mode=False)

    options = words[: words.index("--")] if "--" in words else words
    sys.exit(exit_code(work, as_json="--json" in options))
