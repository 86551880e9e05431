"""A file of tensors that is missing, cut short or a folder: the message names it and its owner."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from finetooth.errors import ModelError
from finetooth.models import saved_tensors


def refusal(file: Path) -> str:
    with pytest.raises(ModelError) as caught:
        saved_tensors.read(file, owner="the saved head")
    return str(caught.value)


def test_a_missing_file_is_missing_and_not_damaged(tmp_path: Path) -> None:
    assert refusal(tmp_path / "head.safetensors") == "the saved head: head.safetensors is missing."


def test_a_file_that_cannot_be_read_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "head.safetensors"
    save_file({"weight": torch.ones(3)}, file)
    assert torch.equal(saved_tensors.read(file, owner="the saved head")["weight"], torch.ones(3))
    file.write_bytes(file.read_bytes()[:-1])
    assert refusal(file).startswith("the saved head: head.safetensors is damaged (")
    file.unlink()
    file.mkdir()
    assert refusal(file).startswith("the saved head: head.safetensors is damaged (")
