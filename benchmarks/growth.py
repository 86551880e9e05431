"""How cost grows: training time and peak memory against the number of rows, and against the longest text in tokens.

    python benchmarks/growth.py [--plot docs/growth.svg]

MiniLM-L6 from its wheel, IMDB reviews, rank 8 on all linear layers, batch 16, one epoch. Rows: 1,000, 5,000 and 25,000
at 128 tokens; tokens: 64, 128, 256 and 512 with 1,000 rows. Run it on idle cores.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from own_run import own_run, write_rows

import finetooth

QUICKSTART = Path(finetooth.__file__).with_name("quickstart.yaml")
ROWS, TOKENS = (1000, 5000, 25000), (64, 128, 256, 512)
ROWS_WHILE_TOKENS_GROW, TOKENS_WHILE_ROWS_GROW = 1000, 128
Point = dict[str, float]


def main() -> None:
    """Measure each point, print it as it comes, and draw both curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", type=Path, default=Path("docs/growth.svg"))
    asked = parser.parse_args()
    points = {
        sizes: _measured(*sizes)
        for sizes in sorted(
            {(rows, TOKENS_WHILE_ROWS_GROW) for rows in ROWS} | {(ROWS_WHILE_TOKENS_GROW, tokens) for tokens in TOKENS}
        )
    }
    _plot(points, asked.plot)


def _measured(rows: int, tokens: int) -> Point:
    recipe: dict[str, Any] = {
        "name": f"rows-{rows}-tokens-{tokens}",
        "model": finetooth.load_recipe(QUICKSTART).model,
        "max_tokens": tokens,
        "training": {"epochs": 1, "batch_size": 16, "learning_rate": 7e-4, "head_learning_rate": 7e-4},
        "candidates": [{"name": "lora-r8", "rank": 8}],
    }
    with tempfile.TemporaryDirectory(prefix="finetooth-growth-") as name:
        write_rows(Path(name), rows)
        figures = own_run(Path(name), recipe)
    row = next(row for row in figures["rows"] if row["train_seconds"])
    point = {"seconds": row["train_seconds"], "bytes": figures["peak_bytes"]}
    print(
        f"{rows:>6,} rows {tokens:>4} tokens {point['seconds']:>7.0f} s training, "
        f"{figures['data']['train'] / point['seconds']:>6.1f} examples/s, peak memory {point['bytes'] / 1e9:.2f} GB",
        flush=True,
    )
    return point


def _plot(points: dict[tuple[int, int], Point], path: Path) -> None:
    figure, axes = plt.subplots(2, 2, figsize=(8, 5), sharey="row", layout="constrained")
    columns = (
        (f"training rows, at {TOKENS_WHILE_ROWS_GROW} tokens", {rows: (rows, TOKENS_WHILE_ROWS_GROW) for rows in ROWS}),
        (f"tokens, {ROWS_WHILE_TOKENS_GROW:,} rows", {size: (ROWS_WHILE_TOKENS_GROW, size) for size in TOKENS}),
    )
    for column, (title, places) in enumerate(columns):
        sizes = list(places)
        seconds, memory = axes[0][column], axes[1][column]
        _curve(seconds, sizes, [points[place]["seconds"] for place in places.values()], "{:.0f} s")
        seconds.set_yscale("log")
        _curve(memory, sizes, [points[place]["bytes"] / 1e9 for place in places.values()], "{:.2f}")
        memory.set_xlabel(title)
        for axis in (seconds, memory):
            axis.set_xscale("log")
            axis.margins(x=0.1, y=0.2)
            axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
            axis.minorticks_off()
            axis.grid(alpha=0.3)
    axes[0][0].set_yticks([])  # each point says its figure
    axes[0][0].set_ylabel("seconds of training")
    axes[1][0].set_ylim(0, 1.25 * max(point["bytes"] for point in points.values()) / 1e9)
    axes[1][0].set_ylabel("peak memory, GB")
    figure.savefig(path, metadata={"Date": None})


def _curve(axis: Any, sizes: list[int], values: list[float], form: str) -> None:
    axis.plot(sizes, values, marker="o")
    for size, value in zip(sizes, values, strict=True):
        axis.annotate(form.format(value), (size, value), (0, 7), textcoords="offset points", ha="center")


if __name__ == "__main__":
    main()
