"""The row original: the untrained model, with the checkpoint's own head or with several random heads."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from finetooth.evaluation.decisions import Decision
from finetooth.models import agreement, artifact, device
from finetooth.models.agreement import Measured
from finetooth.models.batching import Tokens
from finetooth.models.features import Feature, encode, head_logits
from finetooth.models.loading import draw_head, head_tensors
from finetooth.models.packed_inference import InferencePass, inference_obstacle
from finetooth.models.predictor import Predictor
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import load_tokenizer
from finetooth.row_kinds import ORIGINAL
from finetooth.rows import inference_gate, latency
from finetooth.rows.context import Channel, Context
from finetooth.rows.contract import Estimates, Row, ScoredRow
from finetooth.rows.outputs import keep_predictions
from finetooth.rows.planned_base import load_planned, save_artifact, text_model
from finetooth.runs.results import Heads, ResultsRow
from finetooth.runs.work import read_labels


def fit(context: Context, channel: Channel) -> None:
    """Save the head of the checkpoint; without one, save a random head for each seed, starting with the row's seed.

    Raises: VerificationError if the base is not the plan's.
    """
    base = load_planned(context, head_seed=context.seed)
    more_heads = {}
    if base.head == "new":
        for seed in range(context.seed + 1, context.seed + context.recipe.original_heads):
            draw_head(base, seed)
            more_heads[seed] = {name: tensor.clone() for name, tensor in head_tensors(base).items()}
        draw_head(base, context.seed)
    own_head = {name: tensor.clone() for name, tensor in head_tensors(base).items()}
    context.folder.path.mkdir(parents=True, exist_ok=True)
    trained = text_model(
        context, base.model, load_tokenizer(context.base_folder), decision=Decision(task=context.plan.of_task())
    )
    measured = _measured(context, trained, [*more_heads.values(), own_head])
    save_artifact(context, replace(trained, measured=measured), base=base, more_heads=more_heads)


def _measured(context: Context, trained: TextModel, heads: Sequence[Mapping[str, torch.Tensor]]) -> Measured:
    """How much bfloat16 changes the answers to the validation rows, for the head that it changes most.

    heads: tensors by their full names; the model has the last head afterwards.
    """
    plan, labels = context.plan, read_labels(context.run_folder, "validation")[1]
    tokens = Tokens.open(context.tokens / "validation")
    obstacle = inference_obstacle(trained.model)
    few = len(labels) < agreement.LEAST_ROWS
    if len(heads) == 1 or obstacle is not None or few or plan.inference != "bfloat16":
        return inference_gate.measure(context, trained, tokens=tokens, labels=labels)
    trained.logits(artifact.reference_tokens(trained))  # discarded: a first pass may have other last bits (ADR 5)
    names: tuple[Feature, ...] = ("first_token",)
    budget, pad_id = plan.evaluation_budget, trained.tokenizer.pad_token_id
    plain = encode(trained.model, tokens, features=names, pad_id=pad_id, budget=budget)["first_token"]
    rounded = InferencePass(trained.model, "bfloat16").features(tokens, features=names)["first_token"]
    logits = ([head_logits(trained.model, first, head) for first in (plain, rounded)] for head in heads)
    return Measured(
        None, agreement.worst(agreement.compare(*both, decision=trained.decision, truth=labels) for both in logits)
    )


def score(context: Context, channel: Channel) -> None:
    """Score a split with all saved heads in one pass of the encoder."""
    plan = context.plan
    device.configure(plan.device)
    trained = artifact.load(context.folder.adapter, base_folder=context.base_folder, name=context.row)
    tokens = Tokens.open(context.tokens / context.split)
    heads = artifact.heads_of(context.folder.adapter)
    predictor = inference_gate.ready(context, trained)
    latency.record(context, predictor.predict)
    inference_gate.record(context, predictor.precision, predictor.measured)
    if len(heads) > 1:
        first = _first_states(context, trained, predictor, tokens, channel.count)
        logits_by_seed = {seed: head_logits(trained.model, first, head) for seed, head in heads.items()}
        keep_predictions(context, logits_by_seed.pop(context.seed), of_seeds=logits_by_seed)
    elif predictor.precision == "plain":
        keep_predictions(context, trained.logits(tokens, budget=plan.evaluation_budget, advance=channel.count))
    else:
        keep_predictions(context, predictor.infer_tokens(tokens, advance=channel.count))


def _first_states(
    context: Context, trained: TextModel, predictor: Predictor, tokens: Tokens, advance: Callable[[int], None]
) -> npt.NDArray[np.float32]:
    """The last hidden state (N, H) of each row's first token, by the pass of the predictor or the plain pass."""
    names: tuple[Feature, ...] = ("first_token",)
    if isinstance(predictor.engine, InferencePass):
        return predictor.engine.features(tokens, features=names, advance=advance)["first_token"]
    budget, pad_id = context.plan.evaluation_budget, trained.tokenizer.pad_token_id
    return encode(trained.model, tokens, features=names, pad_id=pad_id, budget=budget, advance=advance)["first_token"]


def facts(scored: ScoredRow, row: ResultsRow) -> ResultsRow:
    """The row with the origin of its head and, for several random heads, the range of their test accuracies."""
    of_test = [value for split, value in scored.accuracies.items() if split == "test" or split.startswith("test/")]
    mean = sum(of_test) / len(of_test)
    heads = Heads(len(of_test), mean, min(of_test), max(of_test)) if len(of_test) > 1 else None
    return replace(row, head=scored.plan.of_model().base.head, heads=heads)


def _seconds(estimates: Estimates, name: str) -> float:
    """Seconds to start the process that fits the row, and to score two splits, for which a trained row was measured."""
    measured = next(iter(estimates.measured.values()))
    return float(sum(measured[part] for part in ("verify_seconds", "test_seconds", "start_seconds")))


ROWS = (Row(kind=ORIGINAL, fit=fit, score=score, facts=facts, seconds=_seconds),)
