"""Small training jobs for the tests beside this file: a two-layer model, unequal texts, two classes."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

import tiny
from finetooth.models import adapters, full_fine_tuning
from finetooth.models.batching import Tokens, tokenize
from finetooth.models.loading import load_base
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Candidate, Training
from finetooth.runs.layout import RowFolder
from finetooth.training.checkpoints import Counters
from finetooth.training.job import Split, TrainingJob
from finetooth.training.loop import Trainer

CLASSES = ("bad", "good")
TRAINING: dict[str, Any] = {
    "epochs": 2, "batch_size": 8, "learning_rate": 5e-3, "base_dropout": 0.1, "token_budget": 96,
    "checkpoint_every": 5, "evaluate_every": 7, "warmup_fraction": 0.1,
}  # fmt: skip


def split(folder: Path, count: int, *, seed: int, name: str) -> Split:
    """A split of `count` generated reviews."""
    rows = tiny.texts(count, seed)
    tokens: Tokens = tokenize(load_tokenizer(folder), [text for text, _ in rows], max_tokens=48)
    labels = np.asarray([CLASSES.index(label) for _, label in rows], np.int64)
    return Split(tuple(f"{name}.csv:{number}" for number in range(2, count + 2)), tokens, labels)


def job(folder: Path, directory: Path, **changes: Any) -> TrainingJob:
    """A job over the model in `folder`, working in `directory`; rows: training examples.

    With dropout in base and adapter, unless packed: then with none. full: of all parameters, without an adapter.
    """
    full = changes.pop("full", False)
    packed = changes.setdefault("packed", False)
    still: dict[str, Any] = {"base_dropout": 0.0} if packed else {}
    training = Training.model_validate(TRAINING | still | changes.pop("training", {}))
    dropout = 0.0 if packed else 0.1
    candidate = {"name": "r4", "rank": 4, "bias": "lora_only", "dropout": dropout} | changes.pop("candidate", {})
    values: dict[str, Any] = {
        "candidate": None if full else Candidate.model_validate(candidate),
        "training": training,
        "seed": 3,
        "train": split(folder, changes.pop("rows", 75), seed=1, name="train"),
        "validation": split(folder, 30, seed=2, name="validation"),
        "classes": CLASSES,
        "pad_id": 0,
        "token_budget": training.token_budget,
        "evaluation_budget": 256,
        "folder": RowFolder(directory),
    }
    return TrainingJob(**(values | changes))


def begin(folder: Path, made: TrainingJob) -> Trainer:
    """What a fresh process makes of the job: a clean base, a fresh adapter or none, the state on disk."""
    base = load_base(folder, classes=CLASSES, head_seed=made.seed, dropout=made.training.base_dropout)
    if made.candidate is None:
        return Trainer(made, full_fine_tuning.release(base))
    return Trainer(made, adapters.attach(base, made.candidate, seed=made.seed))


def trained(folder: Path, made: TrainingJob) -> tuple[dict[str, torch.Tensor], Counters]:
    """The trained tensors and counters of the job run from where the disk says it stands."""
    trainer = begin(folder, made)
    counters = trainer.run()
    return {name: parameter.detach().clone() for name, parameter in trainer.named.items()}, counters


class Killed(BaseException):
    """Simulates kill -9: nothing in the loop may catch it."""


def story(counters: Counters) -> dict[str, Any]:
    """All counters except those of the clock."""
    timed = ("seconds", "part_seconds", "all_layers_seconds")
    return {name: getattr(counters, name) for name in Counters.__slots__ if name not in timed}


def same_bits(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    """Whether both hold the same names with the same bits."""
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
