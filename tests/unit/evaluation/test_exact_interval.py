import pytest
from scipy.stats import binomtest

from finetooth.evaluation.exact_interval import clopper_pearson


def test_it_equals_scipy():
    for total in (1, 20, 333):
        for successes in {0, 1, total // 2, total}:
            for level in (0.9, 0.95):
                theirs = binomtest(successes, total).proportion_ci(level, method="exact")
                interval = clopper_pearson(successes, total, level=level)
                assert interval == pytest.approx((theirs.low, theirs.high), abs=1e-12)
