"""The output layer begins as the regression on what it reads: the same probabilities, the same bits after a kill."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tuning_jobs import CLASSES, split

import tiny
from finetooth.baselines.logistic import regression, solve, standardised
from finetooth.model.batching import collate
from finetooth.model.loading import Base, load_base, output_layer
from finetooth.tuning import head_start

ROWS = 60


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("model") / request.param, request.param)


def clean(folder: Path) -> Base:
    return load_base(folder, classes=CLASSES, head_seed=0)


def started(folder: Path, place: Path) -> Base:
    base, rows = clean(folder), split(folder, ROWS, seed=1, name="train")
    head_start.begin(base, rows, seed=3, pad_id=0, budget=96, folder=place)
    return base


def log_softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def test_the_models_probabilities_are_those_of_the_regression_on_what_the_layer_reads(
    folder: Path, tmp_path: Path
) -> None:
    base, rows = started(folder, tmp_path / "start"), split(folder, ROWS, seed=1, name="train")
    layer = base.model.get_submodule(output_layer(base.model))
    order = np.arange(ROWS)
    inputs = head_start.head_inputs(base.model, layer, tokens=rows.tokens, rows=order, pad_id=0, budget=96)
    wide, _, _ = standardised(inputs)
    model = regression(max_iterations=head_start.MAX_ITERATIONS, C=head_start.INVERSE_REGULARISATION)
    weight, bias, converged = solve(model, wide, rows.labels)
    assert converged
    with torch.no_grad():
        logits = base.model(**collate(rows.tokens, order, pad_id=0)).logits.double().numpy()
    np.testing.assert_allclose(log_softmax(logits), log_softmax(wide @ weight.T + bias), atol=1e-4)


def test_nothing_but_the_output_layer_is_changed(folder: Path, tmp_path: Path) -> None:
    before, after = clean(folder).model.state_dict(), started(folder, tmp_path / "start").model.state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed == {"classifier.weight", "classifier.bias"}


def test_what_the_layer_reads_does_not_depend_on_the_micro_batches(folder: Path) -> None:
    base, rows = clean(folder), split(folder, 20, seed=1, name="train")
    layer = base.model.get_submodule(output_layer(base.model))
    chosen = np.array([3, 17, 4, 9])
    one, other = (
        head_start.head_inputs(base.model, layer, tokens=rows.tokens, rows=chosen, pad_id=0, budget=budget)
        for budget in (1, 4096)
    )
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert len(layer._forward_pre_hooks) == 0


def test_a_process_that_goes_on_takes_the_kept_layer_and_a_damaged_one_is_solved_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = started(folder, tmp_path / "start").model.classifier.weight.clone()
    file = tmp_path / "start" / head_start.START
    with monkeypatch.context() as patch:
        patch.setattr(head_start, "solution", lambda *_, **__: pytest.fail("it is solved a second time"))
        assert torch.equal(started(folder, tmp_path / "start").model.classifier.weight, first)
    file.write_bytes(file.read_bytes()[:-4])
    assert torch.equal(started(folder, tmp_path / "start").model.classifier.weight, first)


def test_at_most_so_many_rows_are_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_start, "MOST_ROWS", 16)
    read: list[int] = []
    real = head_start.solution
    monkeypatch.setattr(
        head_start, "solution", lambda inputs, labels, **more: read.append(len(inputs)) or real(inputs, labels, **more)
    )
    started(folder, tmp_path / "start")
    assert read == [16]


def test_a_class_that_no_row_has_is_the_least_likely() -> None:
    inputs = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    labels = np.array([0, 0, 2] * 10)
    weight, bias = head_start.solution(inputs, labels, classes=4)
    assert weight.shape == (4, 5) and bias.shape == (4,) and weight.dtype == bias.dtype == np.float32
    assert not weight[[1, 3]].any()
    mean = inputs.mean(axis=0) @ weight.T + bias
    assert mean[1] == mean[3] <= min(mean[0], mean[2]) + 1e-5
    only, even = head_start.solution(inputs, np.zeros(30, np.int64), classes=2)
    assert not only.any() and not even.any()


def test_rows_of_a_class_with_weight_count_as_often_as_it_says() -> None:
    inputs = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    labels = np.array([0, 1, 1, 2, 2] * 6)
    weights = np.array([3, 1, 1], np.float32)
    repeated = np.repeat(np.arange(30), weights[labels].astype(int))
    model = regression(max_iterations=1_000, C=head_start.INVERSE_REGULARISATION * 30 / len(repeated), tol=1e-8)
    wide, _, _ = standardised(inputs)
    solved, biases, _ = solve(model, wide[repeated], labels[repeated])
    weight, bias = head_start.solution(inputs, labels, classes=3, weights=weights)
    ours, theirs = inputs @ weight.T + bias, wide @ solved.T + biases
    np.testing.assert_allclose(log_softmax(ours), log_softmax(theirs), atol=1e-3)
    plain, even = head_start.solution(inputs, labels, classes=3)
    assert np.abs(log_softmax(inputs @ plain.T + even) - log_softmax(ours)).max() > 0.1


def test_equal_weights_change_no_bit() -> None:
    inputs = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    labels = np.array([0, 1, 2] * 10)
    for one, other in zip(
        head_start.solution(inputs, labels, classes=3),
        head_start.solution(inputs, labels, classes=3, weights=np.ones(3, np.float32)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
