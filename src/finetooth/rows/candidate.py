"""Rows of the model tuned: saved, and scored from what was saved."""

import time
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from finetooth.errors import Interrupted, VerificationError
from finetooth.files import discard, read_hashed_json, read_json, write_json
from finetooth.measure import deciding
from finetooth.measure.decisions import Decision
from finetooth.model import adapters, artifact, device, full_fine_tuning
from finetooth.model.batching import Input, Tokens
from finetooth.model.loading import Base, hash_tensors
from finetooth.model.text_model import TextModel
from finetooth.model.tokenizer import load_tokenizer
from finetooth.recipe import Candidate, Training
from finetooth.rows import inference_gate, latency, layer_caches
from finetooth.rows.context import Channel, Context, add_costs, keep_predictions
from finetooth.rows.planned_base import load_planned
from finetooth.runs import finished
from finetooth.runs.work import read_labels
from finetooth.tuning import checkpoints, head_start
from finetooth.tuning.checkpoints import Counters
from finetooth.tuning.freezing import Freezing
from finetooth.tuning.job import Job, Split
from finetooth.tuning.loop import Tuning
from finetooth.tuning.loss import class_weights
from finetooth.verification import reload_check


def fit(context: Context, channel: Channel) -> None:
    """Tune a candidate from a clean base and save its adapter; of the row full, tune and save the whole model.

    Raises: VerificationError if the base is not the plan's, or if a frozen tensor changed in tuning.
    """
    recipe, plan, base_folder = context.recipe, context.plan, context.base_folder
    planned = plan.of_model().base
    device.configure(plan.device)
    base = load_planned(context, head_seed=context.seed, dropout=recipe.training.base_dropout)
    candidate = next((item for item in recipe.candidates if item.name == context.row), None)
    assert candidate is not None or context.row == "full"
    context.folder.path.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(base_folder)
    if candidate is not None and head_start.is_due(base, recipe.training):
        _start_head(context, channel, base, tokenizer.pad_token_id, recipe.training)
    model = _tune(context, channel, base, candidate, tokenizer.pad_token_id)
    settings = Input(recipe.max_tokens, recipe.truncation, pairs=plan.pairs)
    decision = Decision(task=plan.of_task()) if candidate is None else _decision(context, _measured(context))
    trained = TextModel(model, tokenizer, plan.classes, settings, context.row, decision)
    artifact.save(
        replace(
            trained, measured=inference_gate.measure(context, trained, plain=_measured(context), stop=channel.stop)
        ),
        context.folder.adapter,
        base=base,
        base_folder=base_folder,
        source=artifact.Provenance(planned.id, planned.sha256),
        weights_sha256=planned.weights_sha256,
        head_seed=context.seed,
    )


def score(context: Context, channel: Channel) -> None:
    """Score a split with the saved artifact: the validation rows by the plain pass, compared bitwise.

    Raises: VerificationError when the artifact, or its decision, is not what was measured before it was saved.
    """
    plan = context.plan
    device.configure(plan.device)
    trained = artifact.load(context.folder.adapter, base_folder=context.base_folder, name=context.row)
    tokens = Tokens.open(context.run_folder.work / "tokens" / context.split)
    predictor = inference_gate.ready(context, trained)
    if predictor.precision == "plain":
        pad_id = trained.tokenizer.pad_token_id
        states = layer_caches.open_filled(context, trained.model, context.split, pad_id=pad_id, advance=channel.advance)
        found = trained.logits(tokens, budget=plan.evaluation_budget, states=states, advance=_advance(channel))
    else:  # without states, which are float32: what the gate measured, and what evaluate computes
        found = predictor.infer_tokens(tokens, advance=_advance(channel))
    if context.split == "validation" and reload_check.is_due(context.folder):
        finished.strike_out(context.folder, finished.SCORED, run_id=plan.run_id)  # the check may be the second one
        reload_check.prove(
            context.folder,
            found,
            name=context.row,
            exact=not plan.inexact,
            new_interpreter=context.task.new_interpreter,
        )
        # full makes no decisions; of an inexact run the last bits of what is fitted may differ too.
        if not plan.inexact and context.row != "full":
            _prove_decision(context, predictor.decision)
    latency.record(context, predictor.predict)
    inference_gate.record(context, predictor.precision, predictor.measured)
    keep_predictions(context, found)


def _start_head(context: Context, channel: Channel, base: Base, pad_id: int, training: Training) -> None:
    """Give the new head its start, and count the time as that of states computed beforehand."""
    ids, labels = read_labels(context.run_folder, "train")
    plan, began = context.plan, time.perf_counter()
    weights = class_weights(labels, classes=plan.classes, asked=training.class_weights).numpy()

    def advance(count: int) -> None:
        _obey(channel)
        channel.advance(0, "fitting the output layer on the frozen model")

    try:
        head_start.begin(
            base,
            Split(ids, Tokens.open(context.run_folder.work / "tokens" / "train"), labels),
            seed=context.seed,
            pad_id=pad_id,
            budget=plan.evaluation_budget,
            folder=context.folder.head_start,
            weights=weights,
            advance=advance,
        )
    finally:
        add_costs(context.folder, prefix_seconds=time.perf_counter() - began)


def _obey(channel: Channel) -> None:
    signal_number = channel.stop()
    if signal_number is not None:
        raise Interrupted("interrupted; the state is saved.", signal_number=signal_number)


def _tune(context: Context, channel: Channel, base: Base, candidate: Candidate | None, pad_id: int) -> Any:
    plan, planned, training = context.plan, context.plan.of_model(), context.recipe.training
    model = full_fine_tuning.release(base) if candidate is None else adapters.attach(base, candidate, seed=context.seed)
    before, packed = _frozen_hash(model), plan.candidates[context.row].fallback_reason is None
    train, validation = (_split(context, split, model, pad_id, channel) for split in ("train", "validation"))
    job = Job(
        candidate=candidate,
        training=training,
        seed=context.seed,
        train=train,
        validation=validation,
        classes=plan.classes,
        task=plan.of_task(),
        pad_id=pad_id,
        packed=packed,
        precision=planned.precision if packed else "float32",
        inference=plan.inference,
        token_budget=planned.token_budget,
        lowered_budget=_lowered(context),
        budget=plan.evaluation_budget,
        folder=context.folder,
        advance=channel.advance,
        stop=channel.stop,
        freezing=_freezing(context, model),
    )
    tuning = Tuning(job, model)
    counters = tuning.run()
    discard(layer_caches.frozen_place(context))
    if _frozen_hash(model) != before:
        raise VerificationError(
            f"{context.row}: a frozen tensor of the base changed in tuning; this is a defect of Finetooth."
        )
    counts = full_fine_tuning.parameters(base) if candidate is None else adapters.parameters(model)
    facts = {"head": base.head, "targets": plan.candidates[context.row].targets, "parameters": asdict(counts)}
    _write_curve(context, counters, facts, steps_per_epoch=job.course.steps_per_epoch)
    prefix_seconds = read_hashed_json(context.folder.costs)["prefix_seconds"] + counters.part_seconds.get("prefix", 0.0)
    seconds = counters.seconds + prefix_seconds
    add_costs(
        context.folder,
        train_seconds=seconds,
        examples_per_second=counters.examples / seconds,
        part_seconds={**counters.part_seconds, "prefix": prefix_seconds},
        **_frozen(job, counters),
        **({"gpu_peak_bytes": device.gpu_peak_bytes()} if training.device == "cuda" else {}),
    )
    return model.eval()


def _write_curve(context: Context, counters: Counters, model: dict[str, Any], *, steps_per_epoch: int) -> None:
    """Write what tuning gave, beside these facts of the model."""
    assert counters.best_step is not None
    write_json(
        context.folder.curve,
        {
            "schema": 1,
            **model,
            "head_start": head_start.facts() if context.folder.head_start.is_dir() else None,
            "steps": counters.step,
            "best_step": counters.best_step,
            "kept_epoch": counters.best_step / steps_per_epoch,
            "curve": counters.curve,
            "warnings": counters.warnings,
            "token_budget": counters.token_budget,
        },
    )


def _freezing(context: Context, model: Any) -> Freezing | None:
    depth = context.plan.candidates[context.row].frozen_depth
    if not depth:
        return None
    return Freezing(depth, partial(layer_caches.open_frozen, context, width=model.config.hidden_size))


def _frozen(job: Job, counters: Counters) -> dict[str, Any]:
    """What freezing lower layers cost and saved; nothing where none were."""
    if job.freezing is None or counters.frozen_after is None or counters.step == counters.frozen_after:
        return {}
    steps, examples = counters.frozen_after, len(job.train.labels)
    before = examples * steps // job.course.steps_per_epoch  # whole epochs
    after = (counters.seconds - counters.all_layers_seconds) / (counters.examples - before)
    return {
        "frozen": {
            "layers": job.freezing.depth,
            "after_epochs": steps // job.course.steps_per_epoch,
            "states_seconds": counters.part_seconds["prefix"],
            "time_ratio": after / (counters.all_layers_seconds / before),
        }
    }


def _lowered(context: Context) -> int | None:
    """The tokens at a time that the system left to the row by ending its process for want of memory, if it did."""
    return int(read_hashed_json(context.folder.lowered)["token_budget"]) if context.folder.lowered.is_file() else None


def _measured(context: Context) -> npt.NDArray[np.float32]:
    """The validation logits (N, C) of the best step, as the loop measured them."""
    return checkpoints.best_logits(context.folder.checkpoints, int(read_json(context.folder.curve)["best_step"]))


def _decision(context: Context, logits: npt.NDArray[np.float32]) -> Decision:
    """The decision that the recipe asks for, from validation logits (N, C)."""
    _, labels = read_labels(context.run_folder, "validation")
    return deciding.fit(
        logits, labels, classes=context.plan.classes, asked=context.recipe.decision, task=context.plan.of_task()
    )


def _prove_decision(context: Context, reloaded: Decision) -> None:
    if reloaded != _decision(context, _measured(context)):
        discard(context.folder.verify)
        raise VerificationError(
            f"{context.row}: the reloaded decision.json is not what the validation rows give. The run stops here. "
            f"Delete {context.folder.adapter} and give the same command again to make it anew from the last checkpoint."
        )


def _split(context: Context, split: str, model: Any, pad_id: int, channel: Channel) -> Split:
    ids, labels = read_labels(context.run_folder, split)

    def advance(count: int, note: str) -> None:
        _obey(channel)
        channel.advance(count, note)

    began = time.perf_counter()
    try:
        states = layer_caches.open_filled(context, model, split, pad_id=pad_id, advance=advance)
    finally:
        add_costs(context.folder, prefix_seconds=time.perf_counter() - began)
    # Copied, since torch warns of arrays that cannot be written to.
    return Split(ids, Tokens.open(context.run_folder.work / "tokens" / split), np.array(labels), states)


def _frozen_hash(model: Any) -> str:
    frozen: list[tuple[str, torch.Tensor]] = [
        (name, parameter) for name, parameter in model.named_parameters() if not parameter.requires_grad
    ]
    return hash_tensors([*frozen, *model.named_buffers()])


def _advance(channel: Channel) -> Any:
    def advance(count: int) -> None:
        channel.advance(count, "")

    return advance
