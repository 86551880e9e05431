"""The learning curve of the baselines: their accuracy on the validation rows by the number of training rows."""

from finetooth.report import plots
from finetooth.report.plots import Figure, Mark, Table, cells
from finetooth.report.view import RowView, RunView
from finetooth.wording import percent, points

_HEIGHT = 150  # pixels


def learning_chart(run: RunView) -> Figure | None:
    """A line for each baseline that has a learning curve, the best baseline emphasised; None if there is none."""
    rows = [row for row in run.done if row.learning_curve]
    if not rows:
        return None
    accuracies = [point.validation_accuracy for row in rows for point in row.learning_curve]
    most = max(point.train_rows for row in rows for point in row.learning_curve)
    across = plots.even_scale(0.0, float(most), most=4)
    down = plots.even_scale(min(accuracies), max(accuracies), most=4, within=(0.0, 1.0))
    marks: list[Mark] = [
        *plots.left_axis(down, _HEIGHT),
        *plots.bottom_axis(across, _HEIGHT, write=lambda value: f"{value:,.0f}", lines=False),
    ]
    ends: list[tuple[str, float]] = []
    for row in rows:
        look = "validation" if row.is_best_baseline else "train"
        curve = [
            (across.across(point.train_rows), down.down(point.validation_accuracy, _HEIGHT))
            for point in row.learning_curve
        ]
        marks.append(Mark(shape="curve", points=curve, look=look))
        marks += [plots.dot(x, y, look=look, radius=2.5) for x, y in curve]
        ends.append(curve[-1])
    heights = plots.spread([y for _, y in ends], gap=14, low=4, high=_HEIGHT - 2)
    for row, (x, _), y in zip(rows, ends, heights, strict=True):
        marks.append(plots.words(x, y + 4, row.title, look="name", dx=11))
    title = "Accuracy of baselines on the validation rows by the number of training rows"
    counts = [point.train_rows for point in rows[0].learning_curve]
    return Figure(
        heading="Learning curve",
        key="learning",
        title=title,
        description=f"{title}: {' '.join(map(doubling, rows))}",
        marks=marks,
        height=_HEIGHT + 24,
        look="course",
        table=Table(
            columns=["row", *(f"{count:,} training rows" for count in counts)],
            rows=[
                cells(row.title, *(percent(point.validation_accuracy) for point in row.learning_curve)) for row in rows
            ],
            caption=title,
            quiet=True,
        ),
        note=f"{' '.join(map(doubling, rows))} Measured on {run.validation:,} validation rows, which also choose the "
        "settings; the scale need not begin at 0.",
    )


def doubling(row: RowView) -> str:
    """What the last doubling of the training rows brought: `tfidf: +0.9 points with twice the rows (500 to 1,000).`"""
    before, last = row.learning_curve[-2:]
    difference = points(last.validation_accuracy - before.validation_accuracy)
    return (
        f"{row.title}: {difference} points on the validation rows with twice the training rows ({before.train_rows:,} "
        f"to {last.train_rows:,})."
    )
