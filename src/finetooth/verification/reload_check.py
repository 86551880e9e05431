"""verify.json: the saved adapter, reloaded in another process, gives bit for bit the logits measured before saving."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finetooth.errors import VerificationError
from finetooth.evaluation.decision_file import DECISION
from finetooth.files import MANIFEST, canonical_hash, read_json, sha256_bytes, sha256_file, write_json
from finetooth.models.artifact_files import (
    IDENTITY,
    LABELS,
    REFERENCE_INPUTS,
    REFERENCE_TOLERANCE,
    config_name,
    weights_name,
)
from finetooth.runs.layout import RowFolder


def refuse_another(folder: RowFolder, *, name: str) -> None:
    """Check that the row's adapter is the one that was verified; a row without verify.json passes.

    Raises: VerificationError otherwise.
    """
    if not folder.verify.is_file():
        return
    verified = read_json(folder.verify)
    files: dict[str, Any] = read_json(folder.adapter / MANIFEST)["files"]
    hashes = {name: entry["sha256"] for name, entry in files.items()}
    present = (hashes[weights_name(folder.adapter)], hashes.get(DECISION))
    if (verified["adapter_sha256"], verified["decision_sha256"]) != present:
        raise VerificationError(
            f"{name}: {folder.adapter} is not the adapter that was verified. Restore the adapter of this run, or "
            f"delete {folder.path} and run the same command again to retrain it."
        )


def logits_sha256(logits: npt.ArrayLike) -> str:
    """SHA-256 of logits (N, C) as little-endian float32, row after row."""
    return sha256_bytes(np.ascontiguousarray(logits, "<f4").tobytes())


def differences(folder: RowFolder) -> dict[str, str | None]:
    """{field: what is wrong with it, or None} for each field of a row's verify.json that its files can confirm.

    Raises: RunError when a file is no JSON; KeyError or a similar error when one has another form than we write.
    """
    recorded: dict[str, Any] = read_json(folder.verify)
    problems: dict[str, str | None] = {
        "verified": None if recorded["verified"] is True else "verify.json: verified is not true."
    }
    for field, value in _facts_of(folder).items():
        equal = recorded.get(field) == value
        problems[field] = None if equal else f"{field} is not what {folder.verify.name} says was verified."
    return problems


def files_of(folder: RowFolder) -> list[Path]:
    """The files of an artifact that verify.json is compared with."""
    names = (MANIFEST, weights_name(folder.adapter), config_name(folder.adapter), IDENTITY, LABELS, "tokenizer.json")
    return [folder.adapter / name for name in names]


def _facts_of(folder: RowFolder) -> dict[str, Any]:
    """The fields of verify.json that follow from an adapter's files, computed from the files as they are now."""
    identity: dict[str, Any] = read_json(folder.adapter / IDENTITY)
    decision = folder.adapter / DECISION
    return {
        "manifest_sha256": sha256_file(folder.adapter / MANIFEST),
        "adapter_sha256": sha256_file(folder.adapter / weights_name(folder.adapter)),
        "adapter_config_sha256": sha256_file(folder.adapter / config_name(folder.adapter)),
        "decision_sha256": sha256_file(decision) if decision.is_file() else None,
        "base": identity["base"],
        "tokenizer_sha256": sha256_file(folder.adapter / "tokenizer.json"),
        "labels_sha256": canonical_hash(list(read_json(folder.adapter / LABELS)["labels"])),
        "reference_outputs": {
            "logits_sha256": logits_sha256(identity["reference_logits"]),
            "platform": identity["platform"],
        },
    }


def verify(
    folder: RowFolder, logits: npt.NDArray[np.float32], *, name: str, exact: bool, new_interpreter: bool
) -> npt.NDArray[np.float32]:
    """Check that the reloaded artifact gives the validation logits (N, C) measured before saving; write verify.json.

    Returns the logits measured before saving.

    Its reference outputs, hashes, missing and unexpected keys were compared when it was loaded.
    new_interpreter: whether this process is a new interpreter, or forked from one that only imported (ADR 14).
    exact: every bit must be equal; False, after a resume that was allowed to be inexact: within REFERENCE_TOLERANCE.
    Raises: VerificationError with the largest difference otherwise.
    """
    from finetooth.training import checkpoints

    best_step = int(read_json(folder.curve)["best_step"])
    fault = checkpoints.best_damage(folder.checkpoints, best_step)
    if fault is not None:
        raise VerificationError(
            f"{name}: the logits measured before saving are damaged ({fault}), so the adapter cannot be verified. "
            f"Delete {folder.path} and run the same command again to retrain it."
        )
    measured = checkpoints.best_logits(folder.checkpoints, best_step)
    same_shape = measured.shape == logits.shape
    equal = same_shape and bool((measured.view(np.uint32) == logits.view(np.uint32)).all())
    largest = float(np.abs(measured - logits).max()) if same_shape else float("inf")
    if not equal and (exact or not largest <= REFERENCE_TOLERANCE):
        raise VerificationError(
            f"{name}: the reloaded adapter is not the one measured: validation logits differ by up to {largest:.3g}. "
            f"The run stops here. Delete {folder.path} and run the same command again to retrain it."
        )
    write_json(
        folder.verify,
        {
            "schema": 1,
            "verified": True,
            "max_abs_logit_difference": largest,
            "compared": {"validation_rows": len(logits), "reference_rows": len(REFERENCE_INPUTS), "bitwise": equal},
            "new_interpreter": new_interpreter,
            "validation_logits_sha256": logits_sha256(logits),
            **_facts_of(folder),
        },
    )
    return measured
