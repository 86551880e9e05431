"""The mean cost of mistakes as a metric, for a recipe that says what mistakes cost."""

from collections.abc import Sequence

import numpy as np

from finetooth.tasks import Metric, Outputs, Scores, Targets

COST = "cost"


def cost_metric(costs: Sequence[tuple[int, int, float]], *, classes: int) -> Metric:
    """The mean cost of an answer, lower is better.

    costs: (class, answer, cost) of each mistake that does not cost 1, as in Decision. A right answer costs nothing.
    """
    matrix = 1.0 - np.eye(classes)
    for true, answer, cost in costs:
        matrix[true, answer] = cost

    def each(outputs: Outputs, targets: Targets) -> Scores:
        return np.asarray(matrix[targets, outputs.answers])

    return Metric(key=COST, title="cost", unit="own", better="lower", bounds=(0.0, float(matrix.max())), scores=each)
