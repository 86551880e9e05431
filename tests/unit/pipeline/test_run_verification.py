"""verify: a whole run passes; each thing that is changed is refused with its field named, sealed again or not."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from small_runs import KEYS, SEED

from finetooth.errors import ModelError, RunError, SourceError
from finetooth.files import read_hashed_json, read_json, seal, sha256_file, write_hashed_json, write_json
from finetooth.pipeline.run_verification import Verification, verify
from finetooth.report.verification import render
from finetooth.runs import predictions
from finetooth.runs.layout import RowFolder, RunFolder

WEIGHTS = "adapter_model.safetensors"
Tamper = Callable[[Path], None]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETOOTH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def run(made: Path, tmp_path: Path) -> RunFolder:
    """A copy of the finished run, to be spoiled."""
    shutil.copytree(made, tmp_path / "run")
    return RunFolder(tmp_path / "run")


@pytest.fixture
def adapter(made: Path, tmp_path: Path) -> Path:
    """A copy of its adapter, moved out of the run."""
    shutil.copytree(RunFolder(made).row("r4", SEED).adapter, tmp_path / "moved")
    return tmp_path / "moved"


def row_of(run: RunFolder) -> RowFolder:
    return run.row("r4", SEED)


def faults(verification: Verification) -> list[tuple[str, str]]:
    return [(fault.field, fault.what) for fault in verification.faults]


def reseal(adapter: Path) -> None:
    (adapter / "MANIFEST.json").unlink()
    seal(adapter)


def change_identity(adapter: Path, **changes: Any) -> None:
    write_json(adapter / "finetooth.json", read_json(adapter / "finetooth.json") | changes)


def flip_a_bit(adapter: Path) -> None:
    data = bytearray((adapter / WEIGHTS).read_bytes())
    data[-2] ^= 0x40
    (adapter / WEIGHTS).write_bytes(data)


def permute_labels(adapter: Path) -> None:
    (adapter / "labels.json").write_text('{"schema": 1, "labels": ["good", "bad"]}')


def swap_tokenizer(adapter: Path) -> None:
    text = (adapter / "tokenizer.json").read_text()
    assert '"lowercase": true' in text
    (adapter / "tokenizer.json").write_text(text.replace('"lowercase": true', '"lowercase": false'))


def drop(adapter: Path, ending: str) -> None:
    tensors = load_file(adapter / WEIGHTS)
    remaining = {name: tensor for name, tensor in tensors.items() if not name.endswith(ending)}
    assert len(remaining) < len(tensors)
    save_file(remaining, adapter / WEIGHTS, metadata={"format": "pt"})


def drop_head(adapter: Path) -> None:
    drop(adapter, "classifier.weight")


def drop_bias(adapter: Path) -> None:
    drop(adapter, "query.base_layer.bias")


TAMPERS: dict[Tamper, tuple[str, str, str]] = {  # file, field of verify.json, what a reload without verify.json says
    flip_a_bit: (WEIGHTS, "adapter_sha256", "reference outputs differ by"),
    permute_labels: ("labels.json", "labels_sha256", "labels is not what the adapter was made with"),
    swap_tokenizer: ("tokenizer.json", "tokenizer_sha256", "tokenizer is not what the adapter was made with"),
    drop_head: (WEIGHTS, "adapter_sha256", "1 tensor is missing, first 'base_model.model.classifier.weight'"),
    drop_bias: (WEIGHTS, "adapter_sha256", "2 tensors are missing, first 'base_model.model.bert.encoder.layer.0."),
}


def test_a_whole_run_passes_and_nothing_of_it_is_written(run: RunFolder) -> None:
    before = {item: (sha256_file(item), item.stat().st_mtime_ns) for item in run.path.rglob("*") if item.is_file()}
    verification = verify(run.path)
    assert faults(verification) == []
    assert (verification.verified, verification.kind, [(row.name, row.seed) for row in verification.rows]) == (
        True,
        "run",
        KEYS,
    )
    r4 = verification.rows[2]
    assert r4.reference_outputs is not None
    assert (r4.reload_check, r4.figures, r4.reference_outputs.rows) == (9, 8, 8)
    assert (r4.reference_outputs.off, r4.reference_outputs.allowed) == (0.0, 0.0)  # on the platform that recorded them
    assert [row.figures for row in verification.rows] == [8, 8, 8]
    assert verification.run is not None and verification.run.files == 17
    assert before == {
        item: (sha256_file(item), item.stat().st_mtime_ns) for item in run.path.rglob("*") if item.is_file()
    }


def test_an_adapter_passes_in_its_run_and_out_of_it(run: RunFolder, adapter: Path, made: Path) -> None:
    inside = verify(row_of(run).adapter)
    assert (inside.verified, inside.kind, inside.rows[0].reload_check) == (True, "adapter", 9)
    outside = verify(adapter, base=str(made.parent / "m"))
    assert (outside.verified, outside.rows[0].reload_check, outside.rows[0].figures) == (True, None, None)
    assert outside.rows[0].reference_outputs == inside.rows[0].reference_outputs


@pytest.mark.parametrize("tamper", TAMPERS, ids=lambda tamper: tamper.__name__)
def test_a_changed_file_of_an_adapter_is_named(run: RunFolder, tamper: Tamper) -> None:
    tamper(row_of(run).adapter)
    differences = faults(verify(run.path))
    assert ("files", f"adapter/{TAMPERS[tamper][0]} differs from its manifest.") in differences
    field = TAMPERS[tamper][1]
    assert (field, f"{field} is not what verify.json says was verified.") in differences


@pytest.mark.parametrize("tamper", TAMPERS, ids=lambda tamper: tamper.__name__)
def test_an_adapter_sealed_again_is_caught_by_verify_json(run: RunFolder, tamper: Tamper) -> None:
    tamper(row_of(run).adapter)
    reseal(row_of(run).adapter)
    fields = [field for field, _ in faults(verify(row_of(run).adapter))]
    assert fields == ["manifest_sha256", TAMPERS[tamper][1]]


@pytest.mark.parametrize("tamper", TAMPERS, ids=lambda tamper: tamper.__name__)
def test_an_adapter_sealed_again_and_moved_is_caught_by_what_it_computes(
    adapter: Path, made: Path, tamper: Tamper
) -> None:
    tamper(adapter)
    reseal(adapter)
    ((field, what),) = faults(verify(adapter, base=str(made.parent / "m")))
    assert field == "reload"
    assert TAMPERS[tamper][2] in what


def test_a_base_changed_by_one_unit_in_the_last_place_is_refused(run: RunFolder, made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(made.parent / "m", other)
    tensors = load_file(other / "model.safetensors")
    name = sorted(tensors)[0]
    values = tensors[name].numpy().reshape(-1)
    values[0] = np.nextafter(values[0], np.float32(9))
    save_file(tensors, other / "model.safetensors", metadata={"format": "pt"})
    differences = faults(verify(run.path, base=str(other)))
    assert [field for field, _ in differences] == ["reload", "reload"]  # the original model's and the candidate's
    assert all("(seed 3): base weights is not what the adapter was made with" in what for _, what in differences)


def test_a_base_that_is_not_on_this_machine_is_no_fault_of_the_adapter(adapter: Path) -> None:
    change_identity(adapter, base=read_json(adapter / "finetooth.json")["base"] | {"id": "owner/gone"})
    reseal(adapter)
    with pytest.raises(
        SourceError, match=r"owner/gone: is not in the cache, and this command fetches nothing.*--base\.$"
    ):
        verify(adapter)
    wheel = f"wheel:nothing==1.0/model#sha256={'0' * 64}"
    with pytest.raises(
        SourceError, match=r"wheel:nothing==1.0/model: is not in the cache, and this command fetches nothing"
    ):
        verify(adapter, base=wheel)


def test_a_base_that_is_not_on_this_machine_is_one_fault_of_a_run_and_hides_no_other(run: RunFolder) -> None:
    ((field, what),) = faults(verify(run.path, base="owner/gone"))  # although two rows need it
    assert field == "base"
    assert what.startswith(
        "no artifact could be reloaded, and no reference output computed again: owner/gone: is not in the "
    )
    assert what.endswith(f"It is the base of {run.row('original', SEED).adapter}; name another copy of it with --base.")
    permute_labels(run.row("original", SEED).adapter)
    verification = verify(run.path, base="owner/gone")
    assert [(fault.where, fault.field) for fault in verification.faults] == [
        ("", "base"),
        ("original (seed 3)", "files"),
    ]
    r4 = verification.rows[2]
    assert (r4.reload_check, r4.figures, r4.reference_outputs) == (9, 8, None)
    write_json(run.results, read_json(run.results) | {"winner": None})
    fields = [field for field, _ in faults(verify(run.path, base="owner/gone"))]
    assert fields == ["results.json", "base", "winner", "files"]


def edited(run: RunFolder, split: str, *, swap_labels: bool = False) -> None:
    """One prediction of the candidate turned round, as if it had been right (or its label, as if it had been)."""
    splits = predictions.read(row_of(run).predictions)
    part = splits[split]
    wrong = int(np.flatnonzero(part.logits.argmax(axis=1) != part.labels)[0])
    labels, logits = part.labels.copy(), part.logits.copy()
    if swap_labels:
        labels[wrong] = 1 - labels[wrong]
    else:
        logits[wrong] = logits[wrong, ::-1]
    predictions.write(row_of(run).predictions, {**splits, split: predictions.Predictions(part.ids, labels, logits)})


@pytest.mark.parametrize("split", ["validation", "test"])
def test_edited_predictions_are_caught_by_every_figure(run: RunFolder, split: str) -> None:
    edited(run, split)
    verification = verify(run.path)
    fields = [fault.field for fault in verification.faults]
    assert {f"{split}.accuracy", f"{split}.loss", "rows/r4/seed-3/predictions.parquet"} <= set(fields)
    assert ("predictions.parquet" in fields) == (split == "validation")  # verify.json holds their hash
    (what,) = [fault.what for fault in verification.faults if fault.field == f"{split}.accuracy"]
    recorded = read_json(run.results)["rows"][2][split]["accuracy"]
    count = verification.rows[0].figures and {"validation": 21, "test": 30}[split]
    assert what == (
        f"results.json says {split} accuracy {recorded:.6g}, predictions.parquet gives {recorded + 1 / count:.6g}."
    )


def test_edited_labels_are_not_those_of_the_other_rows(run: RunFolder) -> None:
    edited(run, "test", swap_labels=True)
    assert ("predictions.parquet", "its test labels are not those of the rows before it.") in faults(verify(run.path))


def test_an_edited_figure_is_caught_even_where_the_mark_was_made_to_fit(run: RunFolder) -> None:
    results = read_json(run.results)
    results["rows"][2]["test"]["accuracy"] += 0.1
    write_json(run.results, results)
    mark = read_hashed_json(run.complete)
    mark["files"]["results.json"] = sha256_file(run.results)
    write_hashed_json(run.complete, mark)
    assert [field for field, _ in faults(verify(run.path))] == ["test.accuracy"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("results.json", "results.json was changed after the run was complete."),
        ("comparison.json", "comparison.json was changed after the run was complete."),
        ("rows/r4/seed-3/verify.json", "rows/r4/seed-3/verify.json was changed after the run was complete."),
    ],
)
def test_a_file_that_the_mark_holds_is_held(run: RunFolder, name: str, message: str) -> None:
    (run.path / name).write_bytes((run.path / name).read_bytes() + b" ")
    assert faults(verify(run.path)) == [(name, message)]
    (run.path / name).unlink()
    assert (name, f"{name} is missing.") in faults(verify(run.path))


def test_another_winner_is_refused(run: RunFolder) -> None:
    write_json(run.results, read_json(run.results) | {"winner": None})
    message = "results.json names another winner than the one that is best on the validation rows."
    assert ("winner", message) in faults(verify(run.path))


def test_a_baseline_and_the_original_are_held_by_their_manifests_and_the_plan(run: RunFolder) -> None:
    file = run.row("majority", None).baseline / "baseline.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    permute_labels(run.row("original", SEED).adapter)
    reseal(run.row("original", SEED).adapter)
    verification = verify(run.path)
    assert [(fault.where, fault.field, fault.what) for fault in verification.faults] == [
        ("", "rows/original/seed-3/adapter/MANIFEST.json",
         "rows/original/seed-3/adapter/MANIFEST.json was changed after the run was complete."),
        ("majority", "files", "baseline/baseline.safetensors differs from its manifest."),
        ("original (seed 3)", "labels", "labels of the artifact is not that of plan.json."),
    ]  # fmt: skip


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)  # whoever opened it would wait for ever


@pytest.mark.parametrize(
    "spoil",
    [
        lambda run: run.plan.write_text("[]"),
        lambda run: run.results.write_text("{}"),
        lambda run: run.recipe.write_text("a: ["),
        lambda run: run.complete.write_text("7"),
        lambda run: run.splits.write_bytes(b"PAR1"),
        lambda run: row_of(run).verify.write_text('{"verified": true}'),
        lambda run: row_of(run).predictions.write_bytes(b"x"),
        lambda run: (row_of(run).adapter / "finetooth.json").write_text("[[]]"),
        lambda run: (row_of(run).adapter / "MANIFEST.json").write_text("[" * 100_000),
        lambda run: shutil.rmtree(row_of(run).adapter),
        lambda run: (row_of(run).adapter / "link").symlink_to(run.plan),
        lambda run: pipe(run.plan),
        lambda run: pipe(row_of(run).predictions),
        lambda run: pipe(row_of(run).verify),
        lambda run: pipe(row_of(run).adapter / "finetooth.json"),
    ],
)
def test_files_that_are_no_longer_ours_are_faults_and_no_crash(
    run: RunFolder, spoil: Callable[[RunFolder], Any]
) -> None:
    spoil(run)
    verification = verify(run.path)
    assert not verification.verified
    json.dumps(verification.report(), allow_nan=False)
    assert max(map(len, render(verification.report()).replace(str(run.path), "RUN").splitlines())) <= 200


def test_what_is_neither_a_complete_run_nor_ours_is_said_so(run: RunFolder, tmp_path: Path) -> None:
    run.complete.unlink()
    with pytest.raises(RunError) as caught:
        verify(run.path)
    assert str(caught.value) == (
        f"{run.path}: the run is not complete, so it cannot be verified yet. Continue it: finetooth run "
        f"{run.recipe} --out {run.path}"
    )
    (tmp_path / "plain").mkdir()
    with pytest.raises(ModelError) as other:
        verify(tmp_path / "plain")
    assert str(other.value) == (
        f"{tmp_path / 'plain'}: neither a run nor an adapter that Finetooth saved (no MANIFEST.json, no "
        f"finetooth.json). To inspect it: finetooth doctor {tmp_path / 'plain'}"
    )
    with pytest.raises(RunError, match="no such folder"):
        verify(tmp_path / "nowhere")


def test_reference_outputs_of_another_platform_may_differ_by_1e_4(adapter: Path, made: Path) -> None:
    identity = read_json(adapter / "finetooth.json")
    near = [[value + 5e-5 for value in logits] for logits in identity["reference_logits"]]
    platform = identity["platform"] | {"processor": "another"}
    change_identity(adapter, platform=platform, reference_logits=near)
    reseal(adapter)
    verification = verify(adapter, base=str(made.parent / "m"))
    assert verification.verified
    assert "within 1e-4, on another platform" in " ".join(render(verification.report()).split())
    change_identity(adapter, platform=identity["platform"])
    reseal(adapter)
    assert not verify(adapter, base=str(made.parent / "m")).verified
