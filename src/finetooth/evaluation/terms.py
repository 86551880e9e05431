"""What a verdict asks: the metric, the least gain, the margin, and the number of the look at the test rows."""

import math
from dataclasses import dataclass

from finetooth.evaluation.units import Units
from finetooth.tasks import DEFAULT, Metric

ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of a verdict on N test rows.

    units: the units of sampling of the N rows. group: the column whose values make the units, if there is one.
    metric: rows are compared by it. gain: the least gain that makes fine-tuning worth it, and margin: what a smaller
    candidate may lose and still be good enough; both in the unit of the metric (a share, 0 to 1, for accuracy).
    looks: how often these test rows were looked at, this time included. fewest: the number of units of
    the class with the fewest, 0 if the test rows lack one; of another task, of the smallest stratum. None if it does
    not matter.
    """

    units: Units
    metric: Metric = DEFAULT.headline
    gain: float = 0.0
    margin: float = 0.005
    looks: int = 1
    group: str | None = None
    fewest: int | None = None

    @property
    def has_intervals(self) -> bool:
        """Whether the metric has intervals on these test rows (Metric.least_per_stratum)."""
        return self.fewest is None or self.fewest >= self.metric.least_per_stratum

    @property
    def alpha(self) -> float:
        """The level of the verdict's test in this look: 6 / (pi^2 looks^2) of ALPHA, which adds up to ALPHA over all.

        So chance alone makes a candidate "better" in at most ALPHA of cases, however often the same test rows are used.
        Source: alpha spending, Lan and DeMets 1983, "Discrete sequential boundaries for clinical trials"; the shares of
        1 / k^2 have no last look.
        """
        return ALPHA * 6 / (math.pi * self.looks) ** 2
