"""A start for a new head: its output layer begins as a logistic regression on what it reads of the frozen encoder.

A layer drawn at random has to be learned first, and until then the adapter's gradients pass through it. What it reads
is a fixed map of the frozen encoder's states (of BERT tanh(pooler), of RoBERTa tanh(dense)), so one pass
over some of the training rows is enough to solve for the layer.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from finetooth.baselines.logistic import regression, solve, standardised
from finetooth.errors import DivergedError
from finetooth.files import damage, discard, new_directory, read_file
from finetooth.model import seeds
from finetooth.model.batching import Rows, Tokens, collate, evaluation_batches
from finetooth.model.loading import Base, output_layer
from finetooth.recipe import Training
from finetooth.tuning.job import Split

MOST_ROWS = 1_000  # that the regression is solved on
INVERSE_REGULARISATION = 0.01
MAX_ITERATIONS = 200
START = "layer.safetensors"

Layer = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


def is_due(base: Base, training: Training) -> bool:
    """Whether a candidate on `base` begins so: its head is new, and the training takes the steps that it needs.

    With a fixed number of epochs the head is drawn at random, as it was.
    """
    return base.head == "new" and training.epochs == "auto"


def facts() -> dict[str, Any]:
    """What a row records of its start."""
    return {"rows_at_most": MOST_ROWS, "inverse_regularisation": INVERSE_REGULARISATION}


def begin(
    base: Base,
    train: Split,
    *,
    seed: int,
    pad_id: int,
    budget: int,
    folder: Path,
    weights: npt.NDArray[np.float32] | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> None:
    """Give the output layer of `base` its start, solved on at most MOST_ROWS of the training rows.

    budget: tokens of a micro-batch. weights: of each class in the loss, (C,) (`training.class_weights`).
    folder: where the layer is kept, so that a process that goes on after a kill begins with the same bits.
    advance: called after each micro-batch with its rows; what it raises ends the work.
    Raises: DivergedError if a value that the layer reads is not finite.
    """
    layer = base.model.get_submodule(output_layer(base.model))
    if damage(folder) is not None:
        discard(folder)
        rows = np.sort(seeds.order(seed, 0, len(train.labels))[:MOST_ROWS])
        inputs = head_inputs(
            base.model, layer, tokens=train.tokens, rows=rows, pad_id=pad_id, budget=budget, advance=advance
        )
        if not np.isfinite(inputs).all():
            raise DivergedError("a value that the head reads of the training rows is not finite.")
        weight, bias = solution(inputs, train.labels[rows], classes=layer.out_features, weights=weights)
        with new_directory(folder) as inside:
            (inside / START).write_bytes(save_tensors({"weight": weight, "bias": bias}))
    with torch.no_grad():
        for name, value in load_tensors(read_file(folder / START)).items():
            getattr(layer, name).copy_(torch.from_numpy(value))


def head_inputs(
    model: Any,
    layer: torch.nn.Module,
    *,
    tokens: Tokens,
    rows: Rows,
    pad_id: int,
    budget: int,
    advance: Callable[[int], None] = lambda count: None,
) -> npt.NDArray[np.float32]:
    """What `layer` reads of each of the rows (B,): (B, H) float32. model: in eval mode, without an adapter."""
    read: list[torch.Tensor] = []
    watch = layer.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    found: npt.NDArray[np.float32] | None = None
    try:
        with torch.inference_mode():
            plan = evaluation_batches(tokens.lengths[rows], budget)
            model(**collate(tokens, rows[plan[0][:1]], pad_id=pad_id))  # thrown away: a process's first pass (ADR 5)
            for batch in plan:
                read.clear()
                model(**collate(tokens, rows[batch], pad_id=pad_id))
                if found is None:
                    found = np.empty((len(rows), read[0].shape[1]), np.float32)
                found[batch] = read[0].float().numpy()
                advance(len(batch))
    finally:
        watch.remove()
    assert found is not None
    return found


def solution(
    inputs: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    *,
    classes: int,
    weights: npt.NDArray[np.float32] | None = None,
) -> Layer:
    """Weight (C, H) and bias (C,) of the regularised regression on inputs (N, H), for inputs as they are.

    weights: of each class in the loss, (C,); scaled to a mean of 1 over the rows, as in training.
    The regression is solved on standardised inputs, which are then folded into the layer: w' = w / s, b' = b - w' m.
    A class that the labels lack gets the weights of none and the bias of the rarest.
    """
    wide, mean, scale = standardised(inputs)
    present = np.unique(labels)
    weight, bias = np.zeros((classes, wide.shape[1])), np.zeros(classes)
    if len(present) > 1:
        mean_weight = 1.0 if weights is None else weights[labels].mean()
        by_class = None if weights is None else {int(index): float(weights[index] / mean_weight) for index in present}
        model = regression(max_iterations=MAX_ITERATIONS, C=INVERSE_REGULARISATION, class_weight=by_class)
        solved, biases, _ = solve(model, wide, labels)
        weight[present] = (solved - solved.mean(axis=0)) / scale  # probabilities are those of any common shift
        bias[:] = (biases - biases.mean()).min()
        bias[present] = biases - biases.mean()
    return weight.astype(np.float32), (bias - weight @ mean).astype(np.float32)
