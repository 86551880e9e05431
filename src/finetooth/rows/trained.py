"""What candidates and full fine-tuning do alike: the training loop trains them, and a reload check verifies them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from finetooth.errors import VerificationError
from finetooth.evaluation.decisions import Decision
from finetooth.evaluation.training_curve import CurvePoint
from finetooth.files import discard, read_hashed_json, read_json, write_json
from finetooth.models import artifact, device
from finetooth.models.batching import Tokens
from finetooth.models.loading import Base, hash_tensors
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Recipe
from finetooth.row_kinds import RowKind
from finetooth.rows import inference_gate, latency, layer_caches
from finetooth.rows.context import Channel, Context
from finetooth.rows.contract import Estimates, Row, ScoredRow, Trainable
from finetooth.rows.outputs import add_costs, decide, keep_predictions
from finetooth.rows.planned_base import load_planned, save_artifact, text_model
from finetooth.runs import finished
from finetooth.runs.plan_file import Plan
from finetooth.runs.results import Parameters, Reload, ResultsRow
from finetooth.runs.work import read_labels
from finetooth.training import checkpoints
from finetooth.training.checkpoints import Counters
from finetooth.training.freezing import Freezing
from finetooth.training.job import Split, TrainingJob
from finetooth.training.loop import Trainer
from finetooth.training.schedule import Schedule
from finetooth.verification import reload_check

MakeTrainable = Callable[[Context, Base], Trainable]


def row(kind: RowKind, *, trainable: MakeTrainable) -> Row:
    """The functions of a kind of row that the training loop trains."""
    return Row(
        kind=kind,
        fit=partial(fit, trainable=trainable),
        score=score,
        trainable=trainable,
        facts=facts,
        steps=steps,
        seconds=seconds,
    )


def fit(context: Context, channel: Channel, *, trainable: MakeTrainable) -> None:
    """Train a model on a clean base, and save its best step with its decision.

    Raises: VerificationError if the base is not the plan's, or if a frozen tensor changed in training.
    """
    recipe = context.recipe
    base = load_planned(context, head_seed=context.seed, dropout=recipe.training.base_dropout)
    context.folder.path.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(context.base_folder)
    to_train = trainable(context, base)
    validation, logits = _train(context, channel, to_train, head=base.head, pad_id=tokenizer.pad_token_id)
    decision = decide(context, logits, validation.labels)
    trained = text_model(context, to_train.model.eval(), tokenizer, decision=decision)
    measured = inference_gate.measure(
        context,
        trained,
        tokens=validation.tokens,
        labels=validation.labels,
        plain=logits,
        advance=lambda count: channel.check_stop(),
    )
    save_artifact(context, replace(trained, measured=measured), base=base)


def _train(
    context: Context, channel: Channel, trainable: Trainable, *, head: str, pad_id: int
) -> tuple[Split, npt.NDArray[np.float32]]:
    """Train the model to its best step; returns the validation rows and their logits (N, C) by the plain pass.

    Writes the curve and the costs of the row. head: whether the head came with the checkpoint or is new.
    Raises: VerificationError if a frozen tensor changed.
    """
    model, folder = trainable.model, context.folder
    before = _frozen_sha256(model)
    job = _job(context, channel, trainable, pad_id=pad_id)
    counters = Trainer(job, model).run()
    discard(layer_caches.frozen_folder(context))
    if _frozen_sha256(model) != before:
        raise VerificationError(
            f"{context.row}: a frozen tensor of the base changed in training; this is a defect of Finetooth."
        )
    assert counters.best_step is not None
    curve = {
        "schema": 1,
        "head": head,
        "targets": context.plan.candidates[context.row].targets,
        "parameters": asdict(trainable.parameters()),
        "steps": counters.step,
        "best_step": counters.best_step,
        "kept_epoch": counters.best_step / job.schedule.steps_per_epoch,
        "curve": counters.curve,
        "warnings": counters.warnings,
        "token_budget": counters.token_budget,
    }
    write_json(folder.curve, curve)
    states_seconds = read_hashed_json(folder.costs)["cached_seconds"] + counters.part_seconds.get("frozen_layers", 0.0)
    train_seconds = counters.seconds + states_seconds
    costs = {
        "train_seconds": train_seconds,
        "examples_per_second": counters.examples / train_seconds,
        "part_seconds": {**counters.part_seconds, "frozen_layers": states_seconds},
        **_costs_of_freezing(job, counters),
        **({"gpu_peak_bytes": device.gpu_peak_bytes()} if job.training.device == "cuda" else {}),
    }
    add_costs(folder, **costs)
    return job.validation, checkpoints.best_logits(folder.checkpoints, counters.best_step)


def score(context: Context, channel: Channel) -> None:
    """Score a split with the saved artifact: the validation rows by the plain pass, compared bitwise.

    Raises: VerificationError when the artifact, or its decision, is not what was measured before it was saved.
    """
    plan = context.plan
    device.configure(plan.device)
    trained = artifact.load(context.folder.adapter, base_folder=context.base_folder, name=context.row)
    predictor, tokens = inference_gate.ready(context, trained), Tokens.open(context.tokens / context.split)
    if predictor.precision == "plain":
        pad_id = trained.tokenizer.pad_token_id
        states = layer_caches.open_filled(context, trained.model, context.split, pad_id=pad_id, advance=channel.advance)
        logits = trained.logits(tokens, budget=plan.evaluation_budget, states=states, advance=channel.count)
    else:  # without states, which are float32: as the gate measured, and as evaluate computes
        logits = predictor.infer_tokens(tokens, advance=channel.count)
    if context.split == "validation":
        finished.strike_out(context.folder, finished.SCORED, run_id=plan.run_id)  # this may be the second check
        measured_logits = reload_check.verify(
            context.folder,
            logits,
            name=context.row,
            exact=not plan.inexact,
            new_interpreter=context.new_interpreter,
        )
        if not plan.inexact:  # otherwise the last bits of the fitted decision may differ too
            labels = read_labels(context.run_folder, "validation")[1]
            _check_decision(context, predictor.decision, again=decide(context, measured_logits, labels))
    latency.record(context, predictor.predict)
    inference_gate.record(context, predictor.precision, predictor.measured)
    keep_predictions(context, logits)


def facts(scored: ScoredRow, row: ResultsRow) -> ResultsRow:
    """The row with the facts of its training and of its reload check."""
    curve, verified = read_json(scored.folder.curve), read_json(scored.folder.verify)
    return replace(
        row,
        parameters=Parameters(**curve["parameters"]),
        reload=Reload(verified["verified"], verified["max_abs_logit_difference"]),
        best_step=curve["best_step"],
        kept_epoch=curve["kept_epoch"],
        curve=[CurvePoint(**point) for point in curve["curve"]],
        head=curve["head"],
        warnings=curve["warnings"],
    )


def steps(recipe: Recipe, plan: Plan) -> tuple[int | None, str]:
    """The steps of a training, at most."""
    schedule = Schedule.of(recipe.training, plan.counts["train"])
    return schedule.most, "steps at most" if schedule.automatic else "steps"


def seconds(estimates: Estimates, name: str) -> float:
    """Seconds to train, verify and score the rows of all seeds, which share the states of frozen layers."""
    measured = estimates.measured[name]
    parts = ("train_seconds", "evaluate_seconds", "verify_seconds", "test_seconds", "start_seconds")
    return float(len(estimates.recipe.seeds) * sum(measured[part] for part in parts) + measured["cached_seconds"])


def _job(context: Context, channel: Channel, trainable: Trainable, *, pad_id: int) -> TrainingJob:
    plan, model = context.plan, trainable.model
    planned, candidate, budget_file = plan.of_model(), plan.candidates[context.row], context.folder.reduced_budget
    train, validation = (_split(context, channel, split, model, pad_id=pad_id) for split in ("train", "validation"))
    freezing = None
    if candidate.frozen_depth:
        cache = partial(layer_caches.open_frozen, context, width=model.config.hidden_size)
        freezing = Freezing(candidate.frozen_depth, cache)
    return TrainingJob(
        candidate=trainable.candidate,
        training=context.recipe.training,
        seed=context.seed,
        train=train,
        validation=validation,
        classes=plan.classes,
        task=plan.of_task(),
        pad_id=pad_id,
        packed=candidate.fallback_reason is None,
        precision=planned.precision if candidate.fallback_reason is None else "float32",
        inference=plan.inference,
        token_budget=planned.token_budget,
        reduced_budget=int(read_hashed_json(budget_file)["token_budget"]) if budget_file.is_file() else None,
        evaluation_budget=plan.evaluation_budget,
        folder=context.folder,
        advance=channel.advance,
        stop=channel.stop,
        freezing=freezing,
    )


def _split(context: Context, channel: Channel, split: str, model: Any, *, pad_id: int) -> Split:
    """The examples of a split, with the states of the layers below the adapter; records the time to compute them."""
    ids, labels = read_labels(context.run_folder, split)
    began = time.perf_counter()
    try:
        states = layer_caches.open_filled(context, model, split, pad_id=pad_id, advance=channel.advance_or_stop)
    finally:
        add_costs(context.folder, cached_seconds=time.perf_counter() - began)
    # Copied, since torch warns of arrays that cannot be written to.
    return Split(ids, Tokens.open(context.tokens / split), np.array(labels), states)


def _frozen_sha256(model: Any) -> str:
    frozen: list[tuple[str, torch.Tensor]] = [
        (name, parameter) for name, parameter in model.named_parameters() if not parameter.requires_grad
    ]
    return hash_tensors([*frozen, *model.named_buffers()])


def _costs_of_freezing(job: TrainingJob, counters: Counters) -> Mapping[str, Any]:
    """What freezing lower layers cost and saved; empty if none were frozen."""
    if job.freezing is None or counters.frozen_after is None or counters.step == counters.frozen_after:
        return {}
    steps, examples = counters.frozen_after, len(job.train.labels)
    before = examples * steps // job.schedule.steps_per_epoch  # whole epochs
    after = (counters.seconds - counters.all_layers_seconds) / (counters.examples - before)
    return {
        "frozen": {
            "layers": job.freezing.depth,
            "after_epochs": steps // job.schedule.steps_per_epoch,
            "states_seconds": counters.part_seconds["frozen_layers"],
            "time_ratio": after / (counters.all_layers_seconds / before),
        }
    }


def _check_decision(context: Context, reloaded: Decision, *, again: Decision) -> None:
    if reloaded != again:
        discard(context.folder.verify)
        raise VerificationError(
            f"{context.row}: the reloaded decision.json is not what the validation rows give. The run stops here. "
            f"Delete {context.folder.adapter} and run the same command again to rebuild it from the last checkpoint."
        )
