"""How often the statistics are wrong, in simulated runs whose truth is known.

    python benchmarks/simulations.py [--runs 2000] [--trials 20000]

tests/unit/evaluation/test_simulated.py checks the same figures against their limits; docs/results.md shows them.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from finetooth.evaluation.power import mcnemar_power, smallest_difference
from simulated import interval_coverage, outcomes, seed_claims, verdicts, wilson_coverage


def main() -> None:
    """Simulate and print one line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--trials", type=int, default=20_000)
    asked = parser.parse_args()
    print("rows of equal truth: 1-4 baselines, 1-8 candidates, 1-5 seeds; shares of runs, in %")
    print("    test rows               looks   runs  better  not worth it  read usually  groups ignored")
    for groups, where in ((None, "200 to 2,000"), (201, "2,000 in 201 groups"), (112, "2,000 in 112 groups"),
                          (20, "2,000 in 20 groups")):  # fmt: skip
        for looks in (1, 5, 20):
            rates = verdicts(asked.runs if looks == 1 else asked.runs // 4, groups=groups, looks=looks)
            print(
                f"    {where:22} {looks:6} {rates.runs:6,} {100 * rates.better:7.2f} {100 * rates.not_worth_it:13.2f}"
                f" {100 * rates.uncorrected:13.2f} {100 * rates.as_examples:15.2f}",
                flush=True,
            )
    print(f"\na recipe with seeds distinguished from a baseline of equal truth, {4 * asked.runs:,} runs")
    print("    seeds  deviation of a seed  recipe claim  seeds counted as examples")
    for seeds in (2, 3, 5):
        for shift in (0.0, 0.02, 0.05):
            claim = seed_claims(4 * asked.runs, seeds=seeds, shift=shift)
            print(
                f"    {seeds:5}  {100 * claim.deviation:12.2f} points  {100 * claim.recipe:10.2f} %"
                f"  {100 * claim.pooled:23.2f} %",
                flush=True,
            )
    print("\na true lead of 2 points, and a gain of 2 points asked for: shares of 2,000 runs, in %")
    print("    baselines  test rows            gain  better  small_gain  no_gain   open")
    for baselines in (1, 3, 5):
        for groups, where in ((None, "200 to 2,000"), (112, "2,000 in 112 groups")):
            of = outcomes(2000, lead=0.02, gain=0.02, baselines=baselines, groups=groups)
            shares = {name: 100 * of.get(name, 0.0) for name in ("gain", "better", "small_gain", "no_gain", "open")}
            print(
                f"    {baselines:9}  {where:19} {shares['gain']:5.2f} {shares['better']:7.2f}"
                f" {shares['small_gain']:11.2f} {shares['no_gain']:8.2f} {shares['open']:6.2f}",
                flush=True,
            )
    print("\n95 % interval holds the truth, 2,000 trials")
    print("    figure                    test rows            coverage")
    for figure, where, share in interval_coverage(2000):
        print(f"    {figure:25} {where:19} {100 * share:7.2f} %", flush=True)
    print(f"\n95 % Wilson interval holds the true accuracy, {asked.trials:,} trials")
    print("    examples   accuracy  coverage")
    for examples, accuracy, share in wilson_coverage(asked.trials):
        print(f"    {examples:8,}  {100 * accuracy:6.0f} %  {100 * share:6.2f} %")
    print("\nsmallest difference shown with 80 % power, McNemar's mid-p at 0.05 (power at the figure as printed)")
    print("    test rows    5 % differ           10 % differ          20 % differ")
    for rows in (500, 1000, 2620, 5000, 25_000):
        cells = []
        for discordance in (0.05, 0.1, 0.2):
            printed = f"{100 * (smallest_difference(rows, discordance=discordance) or 1.0):.2f}"
            power = mcnemar_power(rows, discordance=discordance, difference=float(printed) / 100)
            cells.append(f"{printed} points ({100 * power:.1f} %)")
        print(f"    {rows:9,}    {'  '.join(cells)}")


if __name__ == "__main__":
    main()
