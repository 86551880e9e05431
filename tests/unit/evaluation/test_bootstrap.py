import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import f1_score

from finetooth.evaluation import bootstrap
from finetooth.evaluation.bootstrap import percentile_interval, resampled_macro_f1, resampled_means, resampled_whole
from finetooth.tasks import DEFAULT, Outputs


def macro_f1(answers, labels):
    return DEFAULT.metric("macro_f1").value(Outputs(answers, answers), labels)


def rows(count, classes=3, seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    guesses = [
        np.where(random.random(count) < share, labels, random.integers(0, classes, count)) for share in (0.8, 0.7)
    ]
    return guesses, labels


def test_means_have_the_mean_and_the_spread_of_the_formula():
    values = np.random.default_rng(1).exponential(size=(400, 3)) * [1, 100, 1e-6]
    actual = resampled_means(values)
    assert actual.shape == (10_000, 3)
    spread = values.std(axis=0) / 20
    assert (np.abs(actual.mean(axis=0) - values.mean(axis=0)) < 4 * spread / 100).all()
    assert actual.std(axis=0) == pytest.approx(spread, rel=0.03)


def test_the_interval_is_that_of_scipy():
    values = np.random.default_rng(2).exponential(size=300)
    ours = percentile_interval(resampled_means(values[:, None])[:, 0])
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=10_000, method="percentile", rng=np.random.default_rng(3)
    ).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.1 * values.std() / 300**0.5)


def test_rows_are_drawn_together_so_a_row_less_itself_is_zero():
    values = np.random.default_rng(4).normal(size=(101, 1))
    actual = resampled_means(np.hstack([values, values, values + 0.25]))
    assert (actual[:, 0] == actual[:, 1]).all()
    assert actual[:, 2] - actual[:, 0] == pytest.approx(0.25)
    (guesses, _), labels = rows(101)
    actual = resampled_macro_f1([guesses, guesses], labels)
    assert (actual[:, 0] == actual[:, 1]).all()


def test_neither_memory_nor_the_order_of_adding_changes_a_bit(monkeypatch):
    values = np.random.default_rng(5).exponential(size=(97, 2))
    guesses, labels = rows(97)
    in_one_block = resampled_means(values, resamples=500), resampled_macro_f1(guesses, labels, resamples=500)
    monkeypatch.setattr(bootstrap, "_VALUES_AT_ONCE", 97 * 7)
    assert (resampled_means(values, resamples=500) == in_one_block[0]).all()
    assert (resampled_macro_f1(guesses, labels, resamples=500) == in_one_block[1]).all()
    assert (resampled_means(values[:, ::-1].copy(), resamples=500)[:, ::-1] == in_one_block[0]).all()


def test_each_mean_is_that_of_the_drawn_examples():
    values = np.random.default_rng(6).normal(size=(50, 2))
    drawn = np.random.Generator(np.random.PCG64(bootstrap._SEED)).integers(0, 50, size=(20, 50))
    assert resampled_means(values, resamples=20) == pytest.approx(values[drawn].mean(axis=1), abs=1e-12)


def test_macro_f1_is_that_of_drawn_examples(monkeypatch):
    guesses, labels = rows(250, classes=4)
    actual = resampled_macro_f1(guesses, labels)
    monkeypatch.setattr(bootstrap, "_FEW_CELLS", 0)
    assert resampled_macro_f1(guesses, labels).mean(axis=0) == pytest.approx(actual.mean(axis=0), abs=0.002)
    assert actual.shape == (10_000, 2)
    drawn = np.random.default_rng(7).integers(0, 250, size=(4000, 250))
    for row, guess in enumerate(guesses):
        expected = np.array([macro_f1(guess[indices], labels[indices]) for indices in drawn])
        assert actual[:, row].mean() == pytest.approx(expected.mean(), abs=0.002)
        assert actual[:, row].std() == pytest.approx(expected.std(), rel=0.05)
        assert percentile_interval(actual[:, row]) == pytest.approx(percentile_interval(expected), abs=0.005)
    gap = actual[:, 0] - actual[:, 1]
    expected = np.array([macro_f1(guesses[0][p], labels[p]) - macro_f1(guesses[1][p], labels[p]) for p in drawn])
    assert percentile_interval(gap) == pytest.approx(percentile_interval(expected), abs=0.006)


@pytest.mark.parametrize("few", [True, False])
def test_the_macro_f1_of_each_draw_equals_scikit_learns(few, monkeypatch):
    """By counts of the few combinations there are, or by examples."""
    monkeypatch.setattr(bootstrap, "_FEW_CELLS", 0 if few else 60)
    (guess, _), labels = rows(60, classes=5, seed=8)
    both = np.stack([labels, guess], axis=1)
    actual = resampled_macro_f1([guess], labels, resamples=300)[:, 0]
    cells, counts = np.unique(both, axis=0, return_counts=True)
    random = np.random.Generator(np.random.PCG64(bootstrap._SEED))
    if few:
        drawn = [np.repeat(cells, times, axis=0) for times in random.multinomial(60, counts / 60, size=300)]
    else:
        drawn = [both[indices] for indices in random.integers(0, 60, size=(300, 60))]
    for again, ours in zip(drawn, actual, strict=True):
        assert ours == pytest.approx(f1_score(again[:, 0], again[:, 1], average="macro"), abs=1e-12)


def test_memory_is_bounded_whatever_the_number_of_examples_and_classes():
    random = np.random.default_rng(9)
    labels = random.integers(0, 5000, 20_000)
    tracemalloc.start()
    resampled_macro_f1([random.integers(0, 5000, 20_000)], labels, resamples=150)
    resampled_means(random.normal(size=(200_000, 2)), resamples=15)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6


def test_values_all_alike_have_an_interval_of_no_width():
    assert percentile_interval(resampled_means(np.zeros((9, 1)), resamples=100)[:, 0]) == (0.0, 0.0)
    low, high = percentile_interval(resampled_means(np.full((9, 1), 0.1), resamples=100)[:, 0])
    assert low == high == pytest.approx(0.1)


def test_a_metric_without_a_fast_way_is_resampled_to_the_same_distribution():
    guesses, labels = rows(150)
    outputs = [Outputs(np.zeros((150, 3), np.float32), answers) for answers in guesses]
    metric = DEFAULT.metric("macro_f1")
    fast = resampled_whole(metric, outputs, labels, resamples=4000)
    assert (fast == resampled_macro_f1(guesses, labels, resamples=4000)).all()
    plain = resampled_whole(replace(metric, fast_resampling=None), outputs, labels, resamples=4000)
    for ours, theirs in ((plain, fast), (plain[:, [0]] - plain[:, [1]], fast[:, [0]] - fast[:, [1]])):
        assert ours.mean(axis=0) == pytest.approx(theirs.mean(axis=0), abs=0.004)
        assert ours.std(axis=0) == pytest.approx(theirs.std(axis=0), rel=0.08)
