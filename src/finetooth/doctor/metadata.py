"""Findings about everything but the tensors: files, configuration, labels, manifest."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from finetooth.doctor.adapter_files import CONFIG, PICKLE, WEIGHTS, read_mapping
from finetooth.doctor.adapter_tensors import CLASSIFIES
from finetooth.doctor.biases_and_head import version_of
from finetooth.doctor.diagnosis import Finding, fault, note
from finetooth.errors import SourceError
from finetooth.files import MANIFEST
from finetooth.sources.regular_files import hash_regular
from finetooth.sources.staging import conversion_command
from finetooth.untrusted import Problem, check_adapter_config, check_labels, check_manifest
from finetooth.wording import counted, listed, short

_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
_CODE = (".py", ".so", ".sh")
_LOCAL = re.compile(r"(\.{0,2}/|~|\.{1,2}$|[A-Za-z]:[\\/]|.*\\)")


def missing_file_findings(names: Sequence[str]) -> Iterator[Finding]:
    """A folder without a configuration, or without weights that may be loaded."""
    if CONFIG not in names:
        hint = " It holds a full model (config.json), not an adapter." if "config.json" in names else ""
        yield fault(
            "files", f"{CONFIG} is missing, so this folder holds no adapter.{hint}", "Fetch the adapter's own folder."
        )
    if WEIGHTS in names:
        return
    if PICKLE in names:
        yield fault(
            "weights",
            f"the weights are only in {PICKLE}, a pickle, which can run code when it is read; it was not loaded, so "
            "its tensors were not examined.",
            f"If you trust the file, convert it to {WEIGHTS} in its folder:",
            command=conversion_command(PICKLE, WEIGHTS),
        )
    else:
        yield fault(
            "weights", f"{WEIGHTS} is missing, so the folder has no weights.", "Fetch or save the adapter again."
        )


def file_findings(names: Sequence[str]) -> Iterator[Finding]:
    """Files that do not belong to an adapter, and a missing README."""
    pickles = [name for name in names if name.endswith(_PICKLED) and (name != PICKLE or WEIGHTS in names)]
    if pickles:
        yield note(
            "files",
            f"{counted(len(pickles), 'pickle')} ({listed(pickles, 3)}): training states or copies of the weights, "
            "which can run code when they are read; the adapter does not need them.",
            "Remove them before you share the folder.",
        )
    code = [name for name in names if name.endswith(_CODE)]
    if code:
        yield note(
            "files",
            f"{counted(len(code), 'file')} of code ({listed(code, 3)}).",
            "Finetooth does not run it; remove it before you share the folder.",
        )
    if "README.md" not in names:
        yield note("readme", "there is no README.md.", "Write what the adapter labels, on which base, and how well.")


def config_findings(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Keys that choose code, values of the wrong type, the name of the base, and the version of peft."""
    yield from (finding for problem in check_adapter_config(config) for finding in _key_findings(problem))
    kind = config.get("peft_type")
    if kind != "LORA":
        yield note(
            "config",
            f"peft_type is {short(kind)}; Finetooth supports only LORA, so only files and values were examined.",
            "Load it with peft.",
        )
    base = config.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        yield note("base", "the base model is not named.", f"Write its id as base_model_name_or_path in {CONFIG}.")
    elif _LOCAL.match(base):
        yield note(
            "base",
            f"base_model_name_or_path is a path on the machine that saved it ({short(base)}).",
            "Write the Hub id of the base.",
        )
    yield from _version_findings(config)


def _key_findings(problem: Problem) -> Iterator[Finding]:
    """The finding about a key that Finetooth would refuse; none for one that another program may support."""
    if problem.kind == "code":
        yield fault(
            "config",
            f"{CONFIG} has the key {short(problem.key)}, which lets its author choose or load code; such folders are "
            "refused.",
            "Remove the key if the adapter works without it.",
        )
    elif problem.kind == "value":
        yield fault("config", f"{CONFIG}: {problem.what}", "Write the value that the adapter was trained with.")
    elif problem.kind == "pattern" and problem.key != "target_modules":  # target_findings reports those
        yield note(
            "config",
            f"{CONFIG}: {problem.what.rstrip(';')}; peft runs it as a regular expression, and Finetooth refuses it.",
            "Write the literal names of the modules.",
        )


def label_findings(
    folder: Path, names: Sequence[str], *, config: Mapping[str, Any], rows: int | None
) -> Iterator[Finding]:
    """Label names that are missing, or whose number differs from the head's rows."""
    if config.get("task_type") not in CLASSIFIES:
        return
    labels = _labels(folder, names, config)
    if isinstance(labels, Finding):
        yield labels
    elif labels is None:
        yield note(
            "labels",
            "no file names the labels (labels.json, or id2label), so the order of the classes is unknown.",
            'Add labels.json with the labels in the order of the logits: {"schema": 1, "labels": ["…", "…"]}.',
        )
    elif rows is not None and labels != rows:
        yield fault(
            "labels",
            f"{counted(labels, 'label')} named, but the head has {counted(rows, 'row')}.",
            "Labels and weights belong to different adapters. Use the files that were saved together.",
        )


def manifest_findings(folder: Path, names: Sequence[str]) -> Iterator[Finding]:
    """Files that differ from the folder's own manifest, and files that are missing."""
    if MANIFEST not in names:
        return
    manifest = read_mapping(folder / MANIFEST)
    if isinstance(manifest, Finding):
        yield manifest
        return
    for problem in check_manifest(manifest):
        yield fault("files", f"{MANIFEST}: {problem.what}", "Copy the folder again.")
    files = manifest.get("files")
    entries = files.items() if isinstance(files, dict) else ()
    recorded = {name: entry["sha256"] for name, entry in entries if not any(check_manifest({"files": {name: entry}}))}
    if files == {}:
        yield fault("files", f"{MANIFEST} lists no files.", "Copy the folder again.")
    changed = [name for name, digest in recorded.items() if name in names and _hash(folder / name) != digest]
    missing = [name for name in recorded if name not in names]
    for listing, fate in ((missing, "missing"), (changed, "different from the manifest")):
        if listing:
            are = "is" if len(listing) == 1 else "are"
            yield fault(
                "files", f"{listed(listing, 3)} {are} {fate}.", "Copy the folder again from where it was saved."
            )


def _version_findings(config: Mapping[str, Any]) -> Iterator[Finding]:
    value, version = config.get("peft_version"), version_of(config)
    if value is None:
        yield note(
            "version",
            f"{CONFIG} does not name the version of peft that wrote it, so it is older than 0.18.",
            "Nothing to fix. Up to 0.20, peft does not save biases trained with lora_only (peft#3306).",
        )
    elif version is None:
        yield note("version", f"peft_version is {short(value)}, which is not a version number.", "Nothing to fix.")
    elif version < (0, 21) and config.get("bias") == "lora_only":
        yield note(
            "version",
            f"peft {value[:20]} does not save biases trained with lora_only (peft#3306).",
            "Save with peft 0.21 or later.",
        )


def _labels(folder: Path, names: Sequence[str], config: Mapping[str, Any]) -> int | Finding | None:
    """The number of labels, or a fault of the file that names them; None if no file does."""
    named = config.get("id2label")
    if "labels.json" in names:
        content = read_mapping(folder / "labels.json")
        if isinstance(content, Finding):
            return content
        named = content.get("labels")
        if not isinstance(named, list):
            return fault("labels", "labels.json has no list of labels.", "Write the labels in the order of the logits.")
        for problem in check_labels(content):
            return fault("labels", f"labels.json: {problem.what}", "Write each label once, in the order of the logits.")
    elif "config.json" in names:
        content = read_mapping(folder / "config.json")
        named = named if isinstance(content, Finding) else content.get("id2label")
    return len(named) if isinstance(named, dict | list) and named else None


def _hash(path: Path) -> str | None:
    try:
        return hash_regular(path)
    except (SourceError, OSError, ValueError):
        return None
