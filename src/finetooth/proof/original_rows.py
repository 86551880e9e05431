"""The row of the model as it came: with the head that the checkpoint brought, or with several untrained heads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from finetooth.model import agreement, artefact, device
from finetooth.model.agreement import Measured
from finetooth.model.batching import Tokens
from finetooth.model.features import Feature, encode, head_logits
from finetooth.model.loading import draw_head, head_tensors
from finetooth.model.packed_inference import InferencePass, inference_obstacle
from finetooth.model.precision import DTYPES
from finetooth.model.predictor import Input, Predictor
from finetooth.model.tokenizer import load_tokenizer
from finetooth.proof import gate, latency
from finetooth.proof.planned_base import load_planned
from finetooth.proof.task import Channel, Task, keep_predictions
from finetooth.runs.work import read_labels


def fit(task: Task, channel: Channel) -> None:
    """Save the head that came with the checkpoint; or, where none came, one for each seed from the row's own on.

    Raises: ProofError if the base is not the plan's.
    """
    recipe, plan, folder = task.recipe(), task.plan(), Path(task.base_folder)
    device.configure(plan["device"])
    assert task.seed is not None
    base = load_planned(task, head_seed=task.seed)
    more_heads = {}
    if base.head == "new":
        for seed in range(task.seed + 1, task.seed + recipe.original_heads):
            draw_head(base, seed)
            more_heads[seed] = {name: tensor.clone() for name, tensor in head_tensors(base).items()}
        draw_head(base, task.seed)
    own_head = {name: tensor.clone() for name, tensor in head_tensors(base).items()}
    settings = Input(recipe.max_tokens, recipe.truncation, pairs=plan["pairs"])
    task.folder.path.mkdir(parents=True, exist_ok=True)
    predictor = Predictor(base.model, load_tokenizer(folder), tuple(plan["classes"]), settings, task.row)
    artefact.save(
        replace(predictor, measured=_measured(task, predictor, [*more_heads.values(), own_head])),
        task.folder.adapter,
        base=base,
        base_folder=folder,
        source=artefact.Provenance(plan["base"]["id"], plan["base"]["sha256"]),
        weights_sha256=plan["base"]["weights_sha256"],
        head_seed=task.seed,
        more_heads=more_heads,
    )


def _measured(task: Task, predictor: Predictor, heads: Sequence[Mapping[str, torch.Tensor]]) -> Measured:
    """What bfloat16 changes of the validation rows, by the head for which that is most.

    heads: by full names of their tensors; the last stays in the model.
    """
    plan, (_, truth) = task.plan(), read_labels(task.run_folder, "validation")
    obstacle = inference_obstacle(predictor.model)
    few = len(truth) < agreement.LEAST_ROWS
    if len(heads) == 1 or obstacle is not None or few or plan["inference"] != "bfloat16":
        return gate.measure(task, predictor)
    tokens = Tokens.open(task.run_folder.work / "tokens" / "validation")
    names: tuple[Feature, ...] = ("first_token",)
    budget, pad_id = plan["evaluation_budget"], predictor.tokenizer.pad_token_id
    predictor.logits(artefact.canary_tokens(predictor))  # thrown away: a first pass may have other last bits (ADR 5)
    plain = encode(predictor.model, tokens, features=names, pad_id=pad_id, budget=budget)["first_token"]
    rounded = InferencePass(predictor.model, dtype=DTYPES["bfloat16"]).features(tokens, features=names)["first_token"]
    logits = ([head_logits(predictor.model, first, head) for first in (plain, rounded)] for head in heads)
    labels = np.asarray(truth)
    return Measured(
        None, agreement.worst(agreement.compare(*both, decision=predictor.decision, truth=labels) for both in logits)
    )


def score(task: Task, channel: Channel) -> None:
    """Score a split with the saved heads, all of them on one pass of the encoder."""
    plan = task.plan()
    device.configure(plan["device"])
    predictor = artefact.load(task.folder.adapter, base_folder=Path(task.base_folder), name=task.row)
    tokens = Tokens.open(task.run_folder.work / "tokens" / task.split)
    budget = plan["evaluation_budget"]
    heads = artefact.heads_of(task.folder.adapter)

    def advance(count: int) -> None:
        channel.advance(count, "")

    predictor = gate.ready(task, predictor)
    latency.record(task, predictor.predict)
    gate.record(task, predictor.precision, predictor.measured)
    if len(heads) > 1:
        _keep_of_heads(task, predictor, tokens, heads, advance)
    elif predictor.inference is None:
        keep_predictions(task, predictor.logits(tokens, budget=budget, advance=advance))
    else:
        keep_predictions(task, predictor.inference.logits(tokens, advance=advance))


def _keep_of_heads(
    task: Task,
    predictor: Predictor,
    tokens: Tokens,
    heads: Mapping[int, Mapping[str, torch.Tensor]],
    advance: Callable[[int], None],
) -> None:
    names: tuple[Feature, ...] = ("first_token",)
    if predictor.inference is None:
        budget, pad_id = task.plan()["evaluation_budget"], predictor.tokenizer.pad_token_id
        encoded = encode(predictor.model, tokens, features=names, pad_id=pad_id, budget=budget, advance=advance)
    else:
        encoded = predictor.inference.features(tokens, features=names, advance=advance)
    first = encoded["first_token"]
    found = {seed: head_logits(predictor.model, first, head) for seed, head in heads.items()}
    assert task.seed is not None
    own = found.pop(task.seed)
    keep_predictions(task, own, of_seeds=found)
