"""Checks of a saved artifact: files, verify.json, identity and reference outputs. Nothing is written."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetooth.errors import FinetoothError
from finetooth.files import MANIFEST, damages, read_json
from finetooth.models.artifact_files import IDENTITY, REFERENCE_INPUTS, identity_of, labels_of
from finetooth.runs import finished
from finetooth.runs.layout import RowFolder
from finetooth.runs.plan_file import Plan
from finetooth.sources import temporary_adapter
from finetooth.sources.regular_files import check_regular_files
from finetooth.verification import reload_check
from finetooth.wording import row_title

# What reading one of our files can raise, besides our own errors, if it was changed by hand.
_MALFORMED = (AssertionError, AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Fault:
    """A difference from what was verified. where: the row, or empty. field: what differs. what: a sentence."""

    where: str
    field: str
    what: str


@dataclass(frozen=True, slots=True)
class ReferenceOutputs:
    """The recomputed reference outputs. off: largest difference from a recorded logit. allowed: 0 means bitwise."""

    rows: int
    off: float
    allowed: float


@dataclass(slots=True)
class Checked:
    """The checks of one row (or of an adapter alone, or of the run's own files), and the faults.

    files: how many equal their manifest or mark. reload_check: how many fields of verify.json equal the files.
    figures: how many were computed again from the predictions and are equal.
    None: there was nothing of the kind to check, or a fault was found before it.
    """

    name: str
    seed: int | None = None
    status: str = "done"
    files: int | None = None
    reload_check: int | None = None
    reference_outputs: ReferenceOutputs | None = None
    figures: int | None = None
    faults: list[Fault] = field(default_factory=list)

    @property
    def where(self) -> str:
        """The row's name in a sentence."""
        return row_title(self.name, self.seed, several=True)

    def refuse(self, field: str, what: str) -> None:
        """Add a fault."""
        self.faults.append(Fault(self.where, field, what))

    @contextmanager
    def watching(self, field: str) -> Iterator[None]:
        """A block whose errors become faults of `field`, so that the checks after it still run."""
        try:
            yield
        except FinetoothError as error:
            self.refuse(field, str(error))
        except _MALFORMED as error:
            self.refuse(field, f"{field} is not of the form that Finetooth writes ({type(error).__name__}: {error}).")


def check_sealed(checked: Checked, folder: Path) -> None:
    """Check the files of an artifact against its manifest; a link among them is a fault."""
    with checked.watching("files"):
        if not folder.is_dir():
            checked.refuse("files", f"the folder {folder.name} is missing.")
            return
        check_regular_files(folder, [])
        wrong = damages(folder)
        for what in wrong:
            checked.refuse("files", f"{folder.name}/{what}.")
        if not wrong:
            checked.files = len(read_json(folder / MANIFEST)["files"])


def check_finished(checked: Checked, row: RowFolder) -> None:
    """Check verify.json against the hash recorded when it was written, for a row that is checked without its run."""
    with checked.watching("finished.json"):
        what = finished.changed(row).get(row.verify.name)
        if what is not None:
            checked.refuse(row.verify.name, f"{row.verify.name} {what} since the run wrote it.")


def check_verify_json(checked: Checked, row: RowFolder) -> None:
    """Check verify.json of a row against the files of its adapter."""
    needed = [row.verify, *reload_check.files_of(row)]
    missing = [file for file in needed if not file.is_file()]
    for file in missing:
        checked.refuse(file.name, f"{file.name} is missing, so that verify.json cannot be compared.")
    if missing:
        return
    with checked.watching("verify.json"):
        differences = reload_check.differences(row)
        for name, what in differences.items():
            if what is not None:
                checked.refuse(name, what)
        checked.reload_check = sum(what is None for what in differences.values())


def check_plan(checked: Checked, adapter: Path, plan: Plan) -> None:
    """Check the base, tokenizer and labels that an artifact names against those of the plan."""
    with checked.watching("identity"):
        identity: dict[str, Any] = read_json(adapter / IDENTITY)
        base, planned = identity["base"], plan.of_model().base
        pairs = {
            "base": (base["weights_sha256"], planned.weights_sha256),
            "tokenizer": (identity["tokenizer_sha256"], planned.tokenizer_sha256),
            "labels": (list(labels_of(adapter)), list(plan.classes)),
        }
        for name, (saved, expected) in pairs.items():
            if saved != expected:
                checked.refuse(name, f"{name} of the artifact is not that of plan.json.")


def check_reload(checked: Checked, adapter: Path, *, base_folder: Path) -> None:
    """Load the artifact from a copy of its allow-listed files: base, tokenizer, labels, tensors, reference outputs.

    The number of threads is that of the recording, so that logits can be compared bitwise on the same platform.
    """
    from finetooth.models import artifact, device

    with checked.watching("reload"), temporary_adapter(str(adapter)) as copy:
        identity = identity_of(copy)
        with device.configured(identity["platform"]):
            predictor = artifact.load(copy, base_folder=base_folder, name=checked.where)
            off, allowed = artifact.reference_difference(predictor, identity)
        checked.reference_outputs = ReferenceOutputs(len(REFERENCE_INPUTS), off, allowed)
