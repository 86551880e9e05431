"""One command of the command line, called in the process of the test."""

import pytest

from finetooth.cli.app import finetooth
from finetooth.cli.exit_codes import exit_code


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of one command."""
    code = exit_code(lambda: finetooth.main(args=arguments, prog_name="finetooth", standalone_mode=False))
    out, err = capsys.readouterr()
    return code, out, err
