"""The cost of training a row on this machine, measured on a few of its batches in a process of its own.

The result of the steps is discarded with the process.
"""

import time

import numpy as np
import torch

from finetooth.files import write_json
from finetooth.models import device, seeds
from finetooth.models.batching import Rows, Tokens, collate, evaluation_batches
from finetooth.models.loading import load_base
from finetooth.models.packed import PackedModel
from finetooth.models.packed_inference import InferencePass, inference_obstacle
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Training
from finetooth.rows import row_of
from finetooth.rows.context import Context
from finetooth.rows.contract import STEP_COSTS
from finetooth.runs.contention import ProcessorTime, waited_share
from finetooth.runs.plan_file import Plan, Precision
from finetooth.runs.results import parameters_json
from finetooth.training.forward import Forward, forward_of
from finetooth.training.gradients import MicroBatchPool, accumulate
from finetooth.training.optimizer import adamw, trainable_parameters
from finetooth.training.schedule import Schedule

TRAIN_SECONDS, EVALUATION_SECONDS = 1.0, 0.3
INFERENCE_SECONDS, LEAST_INFERRED = 0.2, 32  # the pass is timed on more and more rows until it takes this long
MOST_STEPS = 500  # drawn, to find the one that takes the most memory


def measure(context: Context) -> None:
    """Write step_costs.json into the row's folder: parameters, seconds to load, of a step and of an evaluated token."""
    began = time.perf_counter()
    recipe, plan = context.recipe, context.plan
    device.configure(plan.device)
    folder, on_cpu = context.base_folder, recipe.training.device == "cpu"
    base = load_base(folder, classes=plan.classes, head_seed=context.seed, dropout=recipe.training.base_dropout)
    pad_id = load_tokenizer(folder).pad_token_id
    make = row_of(context.row).trainable
    assert make is not None
    trainable = make(context, base)
    model = trainable.model
    tokens = Tokens.open(context.tokens / "train")
    placed_model = device.placed(model.train(), recipe.training.device)
    optimizer, _ = adamw(trainable_parameters(placed_model).items(), recipe.training, trainable.candidate)
    load_seconds = time.perf_counter() - began

    pool, candidate, processor_time = MicroBatchPool(), plan.candidates[context.row], ProcessorTime.now()
    forward = forward_of(
        placed_model,
        tokens,
        packed=candidate.fallback_reason is None,
        budget=plan.of_model().token_budget,
        pad_id=pad_id,
        precision=plan.of_model().precision,
        most_concurrent=pool.size if on_cpu else 1,
        states=_PlaceholderStates.planned(tokens, plan, depth=candidate.depth),
    )
    steps = _steps(forward, tokens, recipe.training, seed=context.seed, rows=plan.counts["train"])
    with pool:
        step_seconds = _step_seconds(pool, forward, optimizer, tokens, steps)
    waited = waited_share(processor_time)
    context.folder.path.mkdir(parents=True, exist_ok=True)
    write_json(
        context.folder.path / STEP_COSTS,
        {
            "parameters": parameters_json(trainable.parameters()),
            "gpu_peak_bytes": None if on_cpu else device.gpu_peak_bytes(),
            "load_seconds": load_seconds,
            "step_seconds": step_seconds,
            "waited_share": waited,
            "token_seconds": _token_seconds(model, tokens, pad_id, plan.evaluation_budget),
            "inference_token_seconds": _inference_token_seconds(model, tokens, plan.inference),
        },
    )


class _PlaceholderStates:
    """As many hidden states as a frozen-layer cache would hold, all of them ones: nothing is computed here."""

    def __init__(self, tokens: Tokens, present: np.ndarray, *, depth: int, width: int) -> None:
        self.tokens, self.present, self.depth, self.width = tokens, present, depth, width

    @classmethod
    def planned(cls, tokens: Tokens, plan: Plan, *, depth: int) -> "_PlaceholderStates | None":
        """States of the rows whose states the plan stores; None if it stores none."""
        kept_states = plan.kept_states(depth).get("train")
        blocks = 0 if kept_states is None else kept_states.blocks
        present = np.zeros(len(tokens.lengths), bool)
        for rows in evaluation_batches(tokens.lengths, plan.evaluation_budget)[:blocks]:
            present[rows] = True
        return cls(tokens, present, depth=depth, width=plan.of_model().base.width) if blocks else None

    def holds(self, rows: Rows) -> np.ndarray:
        """(B,) bool."""
        return self.present[rows]

    def read(self, rows: Rows) -> torch.Tensor:
        """(T, H) float32."""
        return torch.ones(int(self.tokens.lengths[rows].sum()), self.width)


def _steps(forward: Forward, tokens: Tokens, training: Training, *, seed: int, rows: int) -> list[list[Rows]]:
    """The micro-batches of as many steps as a run on `rows` rows takes, at most MOST_STEPS, drawn in the same way."""
    size, count = training.batch_size, len(tokens.lengths)
    step_count = min(MOST_STEPS, Schedule.of(training, rows).typical)
    steps: list[list[Rows]] = []
    for epoch in range(-(-step_count * size // count)):
        order = seeds.order(seed, epoch, count)
        batches = [order[start : start + size] for start in range(0, count, size)]
        steps += [forward.split(batch) for batch in batches]
    return steps[:step_count]


def _computed(forward: Forward, tokens: Tokens, part: Rows) -> int:
    """Tokens that a micro-batch computes, including padding."""
    lengths = tokens.lengths[part]
    return int(lengths.sum()) if isinstance(forward, PackedModel) else len(part) * int(lengths.max())


def _step_seconds(
    pool: MicroBatchPool, forward: Forward, optimizer: torch.optim.Optimizer, tokens: Tokens, steps: list[list[Rows]]
) -> float:
    """Mean seconds of a training step, scaled from the tokens of the timed steps to those of all `steps`.

    The step that uses the most memory runs first, untimed.
    """
    parameters = [value for group in optimizer.param_groups for value in group["params"]]

    def summed(logits: torch.Tensor, rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
        return logits.sum(), logits.sum()

    def step(parts: list[Rows]) -> None:
        forward.fold()
        loss, _ = accumulate(pool, parts, forward=forward, parameters=parameters, loss=summed)
        optimizer.step()
        optimizer.zero_grad()
        float(loss)  # waits for a GPU

    def computed_tokens(parts: list[Rows]) -> int:
        return sum(_computed(forward, tokens, part) for part in parts)

    def tokens_at_once(parts: list[Rows]) -> int:
        starts = range(0, len(parts), forward.concurrent)
        return max(computed_tokens(parts[start : start + forward.concurrent]) for start in starts)

    step(max(steps, key=tokens_at_once))
    computed = spent = 0.0
    for parts in steps:
        started = time.perf_counter()
        step(parts)
        spent += time.perf_counter() - started
        computed += computed_tokens(parts)
        if spent > TRAIN_SECONDS:
            break
    return spent / computed * sum(map(computed_tokens, steps)) / len(steps)


def _inference_token_seconds(model: torch.nn.Module, tokens: Tokens, precision: Precision) -> float | None:
    """Seconds of a token in the inference pass, from rows spread over all lengths; None if it is not used."""
    if precision == "plain" or inference_obstacle(model) is not None:
        return None
    computed = InferencePass(model, precision)
    order, count = np.argsort(tokens.lengths), len(tokens.lengths)
    rows, seconds = min(count, LEAST_INFERRED), 0.0
    while True:
        sample = tokens.take(np.sort(order[np.linspace(0, count - 1, rows).astype(int)]))
        started = time.perf_counter()
        computed.split_logits(sample)
        seconds = time.perf_counter() - started
        if rows == count or seconds > INFERENCE_SECONDS:
            return seconds / int(sample.lengths.sum())
        rows = min(count, 4 * rows)


def _token_seconds(model: torch.nn.Module, tokens: Tokens, pad_id: int, budget: int) -> float:
    """Seconds of a token in the plain pass, from micro-batches spread over all lengths."""
    model.eval()
    batches = evaluation_batches(tokens.lengths, budget)
    count = spent = 0.0
    with torch.inference_mode():
        for rows in [batches[index] for index in np.linspace(0, len(batches) - 1, min(12, len(batches))).astype(int)]:
            started = time.perf_counter()
            batch = collate(tokens, rows, pad_id=pad_id)
            model(**batch)
            count += batch["input_ids"].numel()
            spent += time.perf_counter() - started
            if spent > EVALUATION_SECONDS:
                break
    return spent / count
