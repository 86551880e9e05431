"""verify and doctor: what they print and the exit code that a gate gives."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cli_calls import call

import finetooth
from finetooth.report.verification import render

REFERENCE_OUTPUTS = {"rows": 8, "off": 0.0, "allowed": 0.0}
ROWS = [
    {"name": "majority", "seed": None, "status": "done", "files": 2, "reload_check": None, "reference_outputs": None,
     "figures": 8},
    {"name": "r4", "seed": 3, "status": "done", "files": 7, "reload_check": 8, "reference_outputs": REFERENCE_OUTPUTS,
     "figures": 8},
    {"name": "wild", "seed": 3, "status": "failed", "files": None, "reload_check": None, "reference_outputs": None,
     "figures": None},
]  # fmt: skip


@dataclass
class Verification:
    faults: list[dict[str, str]] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        return not self.faults

    def report(self) -> dict[str, Any]:
        return {
            "schema": 1, "name": "runs/mine", "kind": "run", "verified": self.verified, "seconds": 1.234,
            "run_files": 13, "rows": ROWS, "faults": self.faults,
        }  # fmt: skip


@pytest.fixture
def verification(monkeypatch: pytest.MonkeyPatch) -> Verification:
    """What finetooth.verify answers with; it records what it was asked for."""
    answer = Verification()

    def verify(trained: Path, *, base: str | None, progress: Any) -> Verification:
        assert (trained, base) == (Path("runs/mine"), "owner/name")
        return answer

    monkeypatch.setitem(vars(finetooth), "verify", verify)
    return answer


def test_a_run_that_is_as_it_was_is_a_quiet_table_and_exit_0(
    capsys: pytest.CaptureFixture[str], verification: Verification
) -> None:
    code, out, err = call(capsys, "verify", "runs/mine", "--base", "owner/name")
    assert code == 0
    assert out == (
        "runs/mine: run of 3 rows\n"
        "\n"
        "row                   files  reload check        logits       figures\n"
        "majority                  2             -             -             8\n"
        "r4 (seed 3)               7             8       bitwise             8\n"
        "wild (seed 3)  failed in the run; nothing to verify\n"
        "\n"
        "Verified in 1.2 s. Files equal their manifests; 13 files of the run equal\n"
        "COMPLETE; base, tokenizer and labels by content; logits of the 8 reference\n"
        "inputs bitwise; figures computed again from the predictions.\n"
    )
    assert err == '\nNext    finetooth predict --with runs/mine "your text"\n'


def test_what_differs_is_named_and_exit_3(capsys: pytest.CaptureFixture[str], verification: Verification) -> None:
    verification.faults = [
        {"where": "", "field": "comparison.json", "what": "comparison.json is missing."},
        {"where": "r4 seed 3", "field": "labels_sha256", "what": "labels_sha256 is not what verify.json says "
         "was verified."},
    ]  # fmt: skip
    code, out, err = call(capsys, "verify", "runs/mine", "--base", "owner/name")
    assert (code, err) == (3, "")
    assert out.endswith(
        "\nNot verified: 2 faults.\n"
        "  comparison.json: comparison.json is missing.\n"
        "  r4 seed 3, labels_sha256: labels_sha256 is not what verify.json says was\n"
        "      verified.\n"
    )
    code, out, _ = call(capsys, "verify", "runs/mine", "--base", "owner/name", "--json")
    assert (code, json.loads(out)) == (3, verification.report())


def test_an_adapter_alone_is_one_row(verification: Verification) -> None:
    row = {**ROWS[1], "name": "x", "seed": None}
    report = verification.report() | {"kind": "adapter", "run_files": None, "rows": [row]}
    report["rows"][0].update(
        figures=None, reload_check=None, reference_outputs={"rows": 8, "off": 3e-5, "allowed": 1e-4}
    )
    assert render(report).splitlines() == [
        "runs/mine: adapter",
        "",
        "row         files  reload check        logits       figures",
        "x               7             -     off 3e-05             -",
        "",
        "Verified in 1.2 s. Files equal their manifests; base, tokenizer and labels by",
        "content; logits of the 8 reference inputs within 1e-4, on another platform than",
        "the one they were recorded on.",
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An adapter without matrices, whose findings are notes."""
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 8, "base_model_name_or_path": "a/b"}')
    (tmp_path / "adapter_model.safetensors").write_bytes(b"\2" + b"\0" * 7 + b"{}")
    return tmp_path


def test_notes_are_exit_0_and_a_fault_is_exit_3(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, err = call(capsys, "doctor", str(folder))
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "Passed: 0 faults, 2 notes."
    (folder / "adapter_model.safetensors").write_bytes(b"\2")
    code, out, _ = call(capsys, "doctor", str(folder))
    assert code == 3
    assert out.splitlines()[2:7] == [
        "fault  weights  adapter_model.safetensors: is not a complete safetensors file:",
        "                the file has 1 bytes, and the length of its header alone takes",
        "                8. Fetch or save it again.",
        "                Fix: Replace it by the complete, regular file; this one was not",
        "                used.",
    ]
    assert out.splitlines()[-1] == "Failed: 1 fault, 2 notes."


def test_doctor_json_holds_the_findings(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, _ = call(capsys, "doctor", str(folder), "--json")
    report = json.loads(out)
    assert (code, report["passed"], report["name"]) == (0, True, folder.name)
    assert [finding["about"] for finding in report["findings"]] == ["version", "readme"]


def test_a_folder_or_base_that_is_not_there_is_exit_1(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, out, err = call(capsys, "doctor", str(folder / "gone"))
    assert (code, out, err) == (
        1,
        "",
        f"finetooth: {folder / 'gone'}: no such folder. Name the folder that holds adapter_config.json.\n",
    )
    code, _, err = call(capsys, "doctor", str(folder), "--base", str(folder))
    assert code == 1
    assert err == (
        f"finetooth: {folder}: is not usable as a base: config.json: cannot be read (No such file or directory). "
        "Check that it exists and that you may read it.\n"
    )
