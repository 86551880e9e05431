"""The rows of linear probes: features of a frozen encoder, a regression on them, scored from what was saved."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from finetooth.baselines import Probe
from finetooth.baselines.fitted import SETTINGS
from finetooth.errors import VerificationError
from finetooth.files import canonical_hash, read_json, sha256_file
from finetooth.models import agreement
from finetooth.models.agreement import Measured
from finetooth.models.batching import Tokens, tokenize
from finetooth.models.features import Feature, encode, feature_batch, head_input
from finetooth.models.loading import Base, encoder_parameters
from finetooth.models.packed_inference import InferencePass, inference_obstacle
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Recipe
from finetooth.row_kinds import OTHER_PROBE, PROBE, row_kind
from finetooth.rows import inference_gate, latency
from finetooth.rows.context import Channel, Context
from finetooth.rows.contract import Estimates, Row, ScoredRow
from finetooth.rows.outputs import add_costs, check_finite, decide, keep_learning_curve, keep_predictions
from finetooth.rows.planned_base import input_of, load_planned
from finetooth.rows.verdict_metric import figure_of
from finetooth.runs.plan_file import Plan, Precision
from finetooth.runs.results import Chosen, Parameters, ResultsRow
from finetooth.runs.work import read_labels

MOST_FEATURE_DIFFERENCE = 0.05  # of its norm; eight bits of mantissa leave about 0.01 after twelve layers


def fit(context: Context, channel: Channel) -> None:
    """Fit the probe on the training split, choose it on the validation split, and save it with the base's identity.

    Validation rows are computed by the plain pass, training rows as planned.
    Raises: VerificationError if the base is not the plan's; DivergedError for a hidden state that is not finite.
    """
    base = load_planned(context, head_seed=0)
    context.folder.path.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    features: tuple[Feature, ...] = (head_input(base), "mean")
    train_labels = read_labels(context.run_folder, "train")[1]
    validation = _encoded(context, base, "validation", features, precision="plain", advance=channel.count)
    _check_finite(context, validation, "validation")
    probe, measured, train = _fitted(
        context, base, features, train_labels=train_labels, validation=validation, channel=channel
    )
    seconds = time.perf_counter() - started
    task, truth = context.plan.of_task(), read_labels(context.run_folder, "validation")[1]

    def accuracy_of(rows: npt.NDArray[np.int64]) -> float:
        part = {name: values[rows] for name, values in train.items()}
        return accuracy(_fit(context, part, train_labels[rows], validation=validation))

    def accuracy(fitted: Probe) -> float:
        return float(task.score(fitted.logits(validation), truth)[task.headline.key])

    strata, of_all = task.strata(train_labels), accuracy(probe)
    keep_learning_curve(context, channel, strata, accuracy_of=accuracy_of, of_all=of_all)
    parameters = {"head": probe.parameters, "total": probe.parameters + encoder_parameters(base)}
    facts = {
        "parameters": parameters,
        "identity": _identity(context),
        "inference": measured.described(),
        "validation_logits_sha256": _sha256(probe.logits(validation)),
    }
    probe.save(context.folder.baseline, facts=facts)
    add_costs(context.folder, train_seconds=seconds, examples_per_second=len(train_labels) / seconds)


def score(context: Context, channel: Channel) -> None:
    """Score a split with the saved probe, on features computed again; the validation rows by the plain pass, bitwise.

    Raises: VerificationError when base, tokenizer, labels or input are not those of the fit, or when a bit of the
    validation logits differs from those before saving (unless the run is marked inexact).
    """
    plan = context.plan
    probe = Probe.load(context.folder.baseline)
    saved = read_json(context.folder.baseline / SETTINGS)
    _refuse_another(context, saved["identity"])
    base = load_planned(context, head_seed=0)
    preferred: Precision = "plain" if context.split == "validation" else plan.inference
    measured = Measured.of(saved["inference"])
    precision = measured.precision(preferred)
    encoded = _encoded(
        context, base, context.split, (probe.chosen.feature,), precision=precision, advance=channel.count
    )
    _check_finite(context, encoded, context.split)
    logits = probe.logits(encoded)
    if context.split == "validation" and not plan.inexact and _sha256(logits) != saved["validation_logits_sha256"]:
        raise VerificationError(
            f"{context.row}: the reloaded probe is not the one measured: its validation logits differ. The run stops "
            f"here. Delete {context.folder.path} and run the same command again to refit it."
        )
    latency.record(context, _answering(context, base, probe, precision=precision))
    inference_gate.record(context, precision, measured)
    keep_predictions(context, logits)


def _fitted(
    context: Context,
    base: Base,
    features: tuple[Feature, ...],
    *,
    train_labels: npt.NDArray[np.int64],
    validation: Mapping[str, npt.NDArray[np.float32]],
    channel: Channel,
) -> tuple[Probe, Measured, Mapping[str, npt.NDArray[np.float32]]]:
    """The probe, whether its answers may be computed in bfloat16, and the training features (N, H).

    train_labels: (N,) of the training rows. validation: features (N, H) by the plain pass. Training features are
    computed in bfloat16 only if the bfloat16 features of the validation rows are near the plain ones. The gate then
    decides only how answers are computed, as it does for an adapter: what was learned in bfloat16 stays.
    """
    plan, validation_labels = context.plan, read_labels(context.run_folder, "validation")[1]
    measured = Measured(inference_obstacle(base.model) if plan.inference != "plain" else None)
    precision: Precision = "plain" if measured.fallback_reason else plan.inference
    rounded: Mapping[str, npt.NDArray[np.float32]] = {}
    if precision == "bfloat16" and len(validation_labels) >= agreement.LEAST_ROWS:
        rounded = _encoded(context, base, "validation", features, precision="bfloat16")
    if precision == "bfloat16" and not (rounded and _are_near(rounded, validation)):
        precision = "float32"
    train = _encoded(context, base, "train", features, precision=precision, advance=channel.count)
    _check_finite(context, train, "train")
    probe = _fit(context, train, train_labels, validation=validation)
    if precision == "bfloat16":
        logits = {name: probe.logits(encoded) for name, encoded in (("plain", validation), ("bfloat16", rounded))}
        truth = np.asarray(validation_labels)
        decision = decide(context, logits["plain"], truth)
        measured = Measured(None, agreement.compare(**logits, decision=decision, truth=truth))
    return probe, measured, train


def _fit(
    context: Context,
    train: Mapping[str, npt.NDArray[np.float32]],
    labels: npt.NDArray[np.int64],
    *,
    validation: Mapping[str, npt.NDArray[np.float32]],
) -> Probe:
    """The probe fitted on features (N, H) and labels (N,), and chosen on the validation rows."""
    task, truth = context.plan.of_task(), read_labels(context.run_folder, "validation")[1]
    classes = task.outputs(context.plan.classes)
    figure = figure_of(context)
    return Probe.fit(train, labels, validation=validation, truth=truth, classes=classes, task=task, figure=figure)


def _are_near(rounded: Mapping[str, npt.NDArray[np.float32]], plain: Mapping[str, npt.NDArray[np.float32]]) -> bool:
    """Whether the features differ by no more than rounding explains; False if a value is not finite."""
    differences = (np.linalg.norm(rounded[name] - plain[name]) / np.linalg.norm(plain[name]) for name in plain)
    return all(difference <= MOST_FEATURE_DIFFERENCE for difference in differences)


def _answering(context: Context, base: Base, probe: Probe, *, precision: Precision) -> latency.Answer:
    recipe, tokenizer = context.recipe, load_tokenizer(context.base_folder)
    feature = cast(Feature, probe.chosen.feature)
    computed = None if precision == "plain" else InferencePass(base.model, precision)

    def answer(texts: Sequence[str], pairs: Sequence[str] | None) -> npt.NDArray[np.float32]:
        tokens = tokenize(tokenizer, texts, pairs, max_tokens=recipe.max_tokens, truncation=recipe.truncation)
        if computed is not None:
            return probe.logits({feature: computed.features(tokens, features=(feature,))[feature]})
        encoded = feature_batch(
            base.model, tokens, np.arange(len(texts)), features=(feature,), pad_id=tokenizer.pad_token_id
        )
        return probe.logits({feature: encoded[feature]})

    return answer


def _encoded(
    context: Context,
    base: Base,
    split: str,
    features: tuple[Any, ...],
    *,
    precision: Precision,
    advance: Callable[[int], None] = lambda count: None,
) -> dict[str, npt.NDArray[np.float32]]:
    tokens, model = Tokens.open(context.tokens / split), base.model
    if precision == "plain":
        pad_id, budget = load_tokenizer(context.base_folder).pad_token_id, context.plan.evaluation_budget
        encoded = encode(model, tokens, features=features, pad_id=pad_id, budget=budget, advance=advance)
    else:
        computed = InferencePass(model, precision)
        encoded = computed.features(tokens, features=features, advance=advance)
    return {str(name): rows for name, rows in encoded.items()}


def _check_finite(context: Context, encoded: Mapping[str, npt.NDArray[np.float32]], split: str) -> None:
    for name, values in encoded.items():
        check_finite(context, values, split=split, what=f"a value of {name}")


def _identity(context: Context) -> dict[str, Any]:
    """Hashes of what the probe belongs to: with another base, tokenizer, classes or input it means nothing."""
    plan, folder = context.plan, context.base_folder
    base = plan.base_of(context.row)
    return {
        "base": {
            "id": base.id,
            "source_sha256": base.sha256,
            "weights_sha256": base.weights_sha256,
            "config_sha256": sha256_file(folder / "config.json"),
        },
        "tokenizer_sha256": sha256_file(folder / "tokenizer.json"),
        "labels_sha256": canonical_hash(plan.classes),
        "input": asdict(input_of(context)),
    }


def _refuse_another(context: Context, saved: dict[str, Any]) -> None:
    now = _identity(context)
    for field in ("base", "tokenizer_sha256", "labels_sha256", "input"):
        if saved[field] != now[field]:
            raise VerificationError(
                f"{context.row}: {field.removesuffix('_sha256')} is not what the probe was fitted with. Delete "
                f"{context.folder.path} and run the same command again to refit it."
            )


def facts(scored: ScoredRow, row: ResultsRow) -> ResultsRow:
    """The row with the feature and regularisation chosen on the validation rows, and its number of parameters."""
    probe, saved = Probe.load(scored.folder.baseline), read_json(scored.folder.baseline / SETTINGS)
    model = saved["identity"]["base"]["id"] if row_kind(scored.name).own_model else None
    return replace(
        row,
        parameters=Parameters(adapter=0, bias=0, **saved["parameters"]),
        probe=Chosen(probe.chosen.feature, probe.chosen.inverse_regularisation, model),
        warnings=probe.warnings,
        settings_tried=probe.settings_tried,
    )


def _steps(recipe: Recipe, plan: Plan) -> tuple[int | None, str]:
    return plan.counts["train"] + plan.counts["validation"], "texts"


def _seconds(estimates: Estimates, name: str) -> float:
    """Train and validation rows encoded to fit it, validation rows again to verify it, and test rows.

    At the speed of a trained row; for a model of its own, scaled by the matrix products that its layers compute.
    """
    measured, plan = next(iter(estimates.measured.values())), estimates.plan
    start, own = measured["start_seconds"], plan.of_model()
    validation, test = (measured[f"{part}_seconds"] - start for part in ("verify", "test"))
    tokens = {split: plan.counts[split] * own.tokens[split].mean for split in ("train", "test")}
    seconds = 3 * start + test * tokens["train"] / tokens["test"] + 2 * validation + test
    base, lengths = plan.base_of(name), plan.lengths_for(name)
    products = [model.layers * model.width**2 for model in (own.base, base)]
    longer = lengths["train"].mean / own.tokens["train"].mean
    return float(seconds * products[1] / products[0] * longer)


def _sha256(logits: npt.NDArray[np.float32]) -> str:
    return hashlib.sha256(np.ascontiguousarray(logits).data).hexdigest()


ROWS = (
    Row(kind=PROBE, fit=fit, score=score, facts=facts, steps=_steps, seconds=_seconds),
    Row(kind=OTHER_PROBE, fit=fit, score=score, facts=facts, steps=_steps, seconds=_seconds),
)
