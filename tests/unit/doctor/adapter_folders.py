"""Adapter folders as peft writes them, made of numpy alone: a DistilBERT or BERT of two layers, width 8."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

PREFIX = "base_model.model."
WIDTH, LAYERS, RANK, CLASSES = 8, 2, 4, 3
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
TARGETS = {"distilbert": ["q_lin", "v_lin"], "bert": ["query", "value"], "llama": ["q_proj", "v_proj"]}
_PLACES = {
    "distilbert": "distilbert.transformer.layer.{}.attention.{}",
    "bert": "bert.encoder.layer.{}.attention.self.{}",
    "llama": "model.layers.{}.self_attn.{}",
}
_HEADS = {"distilbert": {"pre_classifier": WIDTH, "classifier": CLASSES}, "bert": {"classifier": CLASSES}, "llama": {}}


def modules(family: str) -> list[str]:
    """Full names of the adapted layers."""
    return [_PLACES[family].format(layer, target) for layer in range(LAYERS) for target in TARGETS[family]]


def tensors(family: str = "distilbert", *, bias: str = "none") -> dict[str, np.ndarray]:
    """The tensors of a whole adapter."""
    draw = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for module in modules(family):
        arrays[f"{PREFIX}{module}.lora_A.weight"] = draw.standard_normal((RANK, WIDTH)).astype(np.float32)
        arrays[f"{PREFIX}{module}.lora_B.weight"] = draw.standard_normal((WIDTH, RANK)).astype(np.float32)
        if bias != "none":
            arrays[f"{PREFIX}{module}.base_layer.bias"] = draw.standard_normal(WIDTH).astype(np.float32)
    for name, rows in _HEADS[family].items():
        arrays[f"{PREFIX}{name}.weight"] = draw.standard_normal((rows, WIDTH)).astype(np.float32)
        arrays[f"{PREFIX}{name}.bias"] = np.zeros(rows, np.float32)
    if family == "llama":
        arrays[f"{PREFIX}score.weight"] = draw.standard_normal((CLASSES, WIDTH)).astype(np.float32)
    return arrays


def config(family: str = "distilbert", **changes: Any) -> dict[str, Any]:
    """The configuration of a whole adapter."""
    return {
        "peft_type": "LORA", "task_type": "SEQ_CLS", "r": RANK, "lora_alpha": 8, "bias": "none",
        "target_modules": TARGETS[family], "modules_to_save": ["classifier", "score"], "peft_version": "0.21.2",
        "base_model_name_or_path": "owner/name", "rank_pattern": {}, "use_dora": False,
    } | changes  # fmt: skip


def write(folder: Path, arrays_to_write: dict[str, np.ndarray] | None = None, **changes: Any) -> Path:
    """A folder with these tensors (a whole DistilBERT adapter's if None), configuration, labels and README."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors() if arrays_to_write is None else arrays_to_write, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(config(**changes)))
    (folder / "labels.json").write_text(json.dumps({"schema": 1, "labels": ["a", "b", "c"]}))
    (folder / "README.md").write_text("An adapter.")
    return folder
