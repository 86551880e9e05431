"""verify.json is written for equal bits alone."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from finetooth.errors import VerificationError
from finetooth.files import canonical_hash, new_directory, read_json, seal, sha256_file, write_json
from finetooth.runs.layout import RowFolder
from finetooth.training import checkpoints
from finetooth.verification import reload_check

BASE, PLATFORM = {"id": "owner/name", "weights_sha256": "aa"}, {"torch": "2.13", "threads": 2}
LOGITS = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)


@pytest.fixture
def row(tmp_path: Path) -> RowFolder:
    """A trained and saved row whose best step, 4, was scored with LOGITS."""
    folder = RowFolder(tmp_path / "r4")
    folder.checkpoints.mkdir(parents=True)
    checkpoints.save_best(folder.checkpoints, 4, named={}, logits=LOGITS)
    with new_directory(folder.adapter) as inside:
        (inside / "adapter_model.safetensors").write_bytes(b"weights")
        (inside / "adapter_config.json").write_bytes(b"{}")
        (inside / "tokenizer.json").write_bytes(b"tokens")
        write_json(inside / "labels.json", {"schema": 1, "labels": ["a", "b", "c"]})
        write_json(
            inside / "finetooth.json", {"base": BASE, "platform": PLATFORM, "reference_logits": [[0.5, 1.0, -1.0]]}
        )
    return folder


def test_equal_bits_are_verified(row: RowFolder) -> None:
    write_json(row.curve, {"best_step": 4})
    reload_check.verify(row, LOGITS.copy(), name="r4", exact=True, new_interpreter=True)
    recorded = read_json(row.verify)
    assert (recorded["verified"], recorded["max_abs_logit_difference"]) == (True, 0.0)
    assert recorded["compared"]["validation_rows"] == 7
    assert recorded["compared"]["bitwise"] is True


def test_it_names_everything_that_was_verified_by_its_content(row: RowFolder) -> None:
    write_json(row.curve, {"best_step": 4})
    reload_check.verify(row, LOGITS.copy(), name="r4", exact=True, new_interpreter=True)
    files = {name: sha256_file(row.adapter / name) for name in ("MANIFEST.json", "adapter_config.json")}
    reference = np.array([0.5, 1.0, -1.0], "<f4").tobytes()
    assert read_json(row.verify) == {
        "schema": 1,
        "new_interpreter": True,
        "verified": True,
        "max_abs_logit_difference": 0.0,
        "compared": {"validation_rows": 7, "reference_rows": 8, "bitwise": True},
        "validation_logits_sha256": hashlib.sha256(LOGITS.tobytes()).hexdigest(),
        "manifest_sha256": files["MANIFEST.json"],
        "adapter_sha256": hashlib.sha256(b"weights").hexdigest(),
        "adapter_config_sha256": files["adapter_config.json"],
        "decision_sha256": None,
        "base": BASE,
        "tokenizer_sha256": hashlib.sha256(b"tokens").hexdigest(),
        "labels_sha256": canonical_hash(["a", "b", "c"]),
        "reference_outputs": {"logits_sha256": hashlib.sha256(reference).hexdigest(), "platform": PLATFORM},
    }
    assert set(reload_check.differences(row).values()) == {None}


@pytest.mark.parametrize(
    ("file", "content", "field"),
    [
        ("adapter_model.safetensors", b"Weights", "adapter_sha256"),
        ("adapter_config.json", b"{ }", "adapter_config_sha256"),
        ("tokenizer.json", b"token", "tokenizer_sha256"),
        ("labels.json", b'{"labels": ["b", "a", "c"]}', "labels_sha256"),
        ("MANIFEST.json", b"{}", "manifest_sha256"),
    ],
)
def test_a_file_that_differs_from_it_is_named(row: RowFolder, file: str, content: bytes, field: str) -> None:
    write_json(row.curve, {"best_step": 4})
    reload_check.verify(row, LOGITS.copy(), name="r4", exact=True, new_interpreter=True)
    (row.adapter / file).write_bytes(content)
    wrong = {name: what for name, what in reload_check.differences(row).items() if what}
    assert wrong == {field: f"{field} is not what verify.json says was verified."}


def test_forged_reference_outputs_base_and_platform_are_named(row: RowFolder) -> None:
    write_json(row.curve, {"best_step": 4})
    reload_check.verify(row, LOGITS.copy(), name="r4", exact=True, new_interpreter=True)
    for change, field in (
        ({"reference_logits": [[0.5, 1.0, np.nextafter(np.float32(-1), np.float32(0)).item()]]}, "reference_outputs"),
        ({"platform": {**PLATFORM, "threads": 1}}, "reference_outputs"),
        ({"base": {**BASE, "weights_sha256": "ab"}}, "base"),
    ):
        identity = {"base": BASE, "platform": PLATFORM, "reference_logits": [[0.5, 1.0, -1.0]]} | change
        write_json(row.adapter / "finetooth.json", identity)
        assert [name for name, what in reload_check.differences(row).items() if what] == [field]


def test_a_field_that_verify_json_lacks_is_a_difference(row: RowFolder) -> None:
    write_json(row.curve, {"best_step": 4})
    reload_check.verify(row, LOGITS.copy(), name="r4", exact=True, new_interpreter=True)
    recorded = read_json(row.verify)
    for lost in ("reference_outputs", "manifest_sha256", "adapter_sha256"):
        write_json(row.verify, {key: value for key, value in recorded.items() if key != lost})
        assert [name for name, what in reload_check.differences(row).items() if what] == [lost]
    write_json(row.verify, recorded | {"verified": False})
    assert reload_check.differences(row)["verified"] == "verify.json: verified is not true."


@pytest.mark.parametrize("index", [(0, 0), (3, 1), (6, 2)])
def test_one_bit_is_enough_to_refuse(row: RowFolder, index: tuple[int, int]) -> None:
    write_json(row.curve, {"best_step": 4})
    off = LOGITS.copy()
    off[index] = np.nextafter(off[index], np.float32(9))
    with pytest.raises(VerificationError) as caught:
        reload_check.verify(row, off, name="r4", exact=True, new_interpreter=True)
    assert str(caught.value) == (
        "r4: the reloaded adapter is not the one measured: validation logits differ by up to "
        f"{np.abs(off - LOGITS).max():.3g}. The run stops here. Delete {row.path} and run the "
        "same command again to retrain it."
    )
    assert not row.verify.exists()


@pytest.mark.parametrize("logits", [LOGITS[:6], LOGITS[:, :2], np.full_like(LOGITS, np.nan)])
@pytest.mark.parametrize("exact", [True, False])
def test_other_shapes_and_not_a_number_are_refused(row: RowFolder, logits: np.ndarray, exact: bool) -> None:
    write_json(row.curve, {"best_step": 4})
    with pytest.raises(VerificationError, match="r4: the reloaded adapter is not the one measured"):
        reload_check.verify(row, logits, name="r4", exact=exact, new_interpreter=True)
    assert not row.verify.exists()


def test_another_adapter_than_the_verified_one_is_refused(row: RowFolder) -> None:
    reload_check.refuse_another(row, name="r4")  # nothing is verified yet
    write_json(row.curve, {"best_step": 4})
    reload_check.verify(row, LOGITS.copy(), name="r4", exact=True, new_interpreter=True)
    reload_check.refuse_another(row, name="r4")
    shutil.rmtree(row.adapter)
    with new_directory(row.adapter) as inside:
        (inside / "adapter_model.safetensors").write_bytes(b"of another seed")
    with pytest.raises(VerificationError, match="is not the adapter that was verified"):
        reload_check.refuse_another(row, name="r4")


def test_another_decision_than_the_verified_one_is_refused(row: RowFolder) -> None:
    write_json(row.curve, {"best_step": 4})
    reload_check.verify(row, LOGITS.copy(), name="r4", exact=True, new_interpreter=True)
    assert read_json(row.verify)["decision_sha256"] is None  # of an adapter that holds none
    write_json(row.adapter / "decision.json", {"temperature": 2.0})
    (row.adapter / "MANIFEST.json").unlink()
    seal(row.adapter)
    with pytest.raises(VerificationError, match="is not the adapter that was verified"):
        reload_check.refuse_another(row, name="r4")
    reload_check.verify(row, LOGITS.copy(), name="r4", exact=True, new_interpreter=True)
    assert read_json(row.verify)["decision_sha256"] == sha256_file(row.adapter / "decision.json")
    reload_check.refuse_another(row, name="r4")
