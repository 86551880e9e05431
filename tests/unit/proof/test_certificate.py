"""A certificate is written for equal bits alone."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from finetooth.errors import ProofError
from finetooth.files import new_directory, read_json, write_json
from finetooth.proof import certificate
from finetooth.runs.layout import RowFolder
from finetooth.tuning import checkpoints

LOGITS = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)


@pytest.fixture
def row(tmp_path: Path) -> RowFolder:
    """A tuned and saved row whose best step, 4, was scored with LOGITS."""
    found = RowFolder(tmp_path / "r4")
    found.checkpoints.mkdir(parents=True)
    checkpoints.save_best(found.checkpoints, 4, named={}, logits=LOGITS)
    with new_directory(found.adapter) as inside:
        (inside / "adapter_model.safetensors").write_bytes(b"weights")
        identity = {"base": {"id": "owner/name"}, "tokenizer_sha256": "aa", "labels_sha256": "bb"}
        write_json(inside / "finetooth.json", identity)
    return found


def test_it_is_due_where_something_was_tuned(row: RowFolder) -> None:
    assert not certificate.is_due(row)
    write_json(row.curve, {"best_step": 4})
    assert certificate.is_due(row)


def test_equal_bits_are_certified(row: RowFolder) -> None:
    write_json(row.curve, {"best_step": 4})
    certificate.prove(row, LOGITS.copy(), name="r4", exact=True)
    said = read_json(row.verify)
    assert (said["verified"], said["max_abs_logit_difference"]) == (True, 0.0)
    assert said["compared"]["validation_rows"] == 7
    assert said["compared"]["bitwise"] is True


@pytest.mark.parametrize("place", [(0, 0), (3, 1), (6, 2)])
def test_one_bit_is_enough_to_refuse(row: RowFolder, place: tuple[int, int]) -> None:
    write_json(row.curve, {"best_step": 4})
    off = LOGITS.copy()
    off[place] = np.nextafter(off[place], np.float32(9))
    with pytest.raises(ProofError) as caught:
        certificate.prove(row, off, name="r4", exact=True)
    assert str(caught.value) == (
        "r4: the reloaded adapter is not the one measured: validation logits differ by up to "
        f"{np.abs(off - LOGITS).max():.3g}. The run stops here. Delete {row.path} and give the "
        "same command again to tune it anew."
    )
    assert not row.verify.exists()


@pytest.mark.parametrize("found", [LOGITS[:6], LOGITS[:, :2], np.full_like(LOGITS, np.nan)])
@pytest.mark.parametrize("exact", [True, False])
def test_other_shapes_and_not_a_number_are_refused(row: RowFolder, found: np.ndarray, exact: bool) -> None:
    write_json(row.curve, {"best_step": 4})
    with pytest.raises(ProofError, match="r4: the reloaded adapter is not the one measured"):
        certificate.prove(row, found, name="r4", exact=exact)
    assert not row.verify.exists()


def test_another_adapter_than_the_proven_one_is_refused(row: RowFolder) -> None:
    certificate.refuse_another(row, name="r4")  # nothing is proven yet
    write_json(row.curve, {"best_step": 4})
    certificate.prove(row, LOGITS.copy(), name="r4", exact=True)
    certificate.refuse_another(row, name="r4")
    shutil.rmtree(row.adapter)
    with new_directory(row.adapter) as inside:
        (inside / "adapter_model.safetensors").write_bytes(b"of another seed")
    with pytest.raises(ProofError, match="is not the adapter that was proven"):
        certificate.refuse_another(row, name="r4")
