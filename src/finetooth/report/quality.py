"""Where rows are right and wrong: confusion matrices, reliability diagrams and slices."""

from collections.abc import Sequence

from finetooth.measure.calibration import Bin, calibration_error, reliability
from finetooth.measure.intervals import wilson
from finetooth.report import plots
from finetooth.report.charts import bottom, look_of
from finetooth.report.lines import Line
from finetooth.report.markup import Child, Safe, details, shown, table, tag
from finetooth.report.measured import Answers, Slice, confusion, mixed_up
from finetooth.report.wording import counted, interval, percent, points

MOST_CLASSES = 12  # of a matrix on the page; of more the pairs most often mixed up stand there, the matrix behind them
_MOST_OF_ALL = 150  # classes of a matrix behind the pairs: more would make the page too large
_PAIRS = 10
_SHORT, _FEW = 9, 3  # characters and number of names that head the columns of a matrix
_SLICES, _LISTED = 24, 200  # most slices that are drawn, and whose figures are given
_SHADES = 9
_SQUARE = 230
_STEP = 30


def confusion_matrix(line: Line, said: Answers, classes: Sequence[str]) -> Safe:
    """The matrix of a row, shaded by the share of the true class.

    Of many classes the pairs most often mixed up, and the matrix on demand.
    """
    heading = tag("figcaption", f"{shown(line.title)}: {counted(len(said.truth), 'test row')}")
    names = [shown(name, 40) for name in classes]
    if len(classes) <= MOST_CLASSES:
        return tag("figure", heading, _matrix(line, said, names, whole=False))
    pairs = _mixed_up(line, said, names)
    if len(classes) > _MOST_OF_ALL:
        return tag("figure", heading, pairs)
    matrix = _matrix(line, said, names, whole=True)
    return tag("figure", heading, pairs, details(f"All {len(names):,} classes", matrix))


def _matrix(line: Line, said: Answers, names: Sequence[str], *, whole: bool) -> Safe:
    """True classes in lines, answers in columns, headed by the numbers of the classes where names would be wide.

    whole: of very many classes: counts without shares, empty where none, in a box that scrolls both ways.
    """
    counts = confusion(said)
    numbered = max(map(len, names)) > _SHORT or len(names) > _FEW
    heads = [str(at) for at in range(1, len(names) + 1)] if numbered else names
    columns = [
        tag("th", tag("bdi", head), scope="col", class_="n", title=name if numbered else None)
        for head, name in zip(heads, names, strict=True)
    ]
    head = tag("tr", tag("th", "true class", scope="col"), *columns, tag("th", "rows", scope="col", class_="n"))
    body = []
    for at, (name, total) in enumerate(zip(names, counts.sum(axis=1).tolist(), strict=True)):
        cells = [_shaded(int(counts[at, to]), total, right=at == to, alone=whole) for to in range(len(names))]
        title = tag("th", f"{at + 1}: " if numbered else None, tag("bdi", name), scope="row")
        body.append(tag("tr", title, *cells, tag("td", f"{total:,}", class_="n total")))
    caption = f"Confusion matrix of {shown(line.title)}: true class in each line, its answer in each column"
    inside = [tag("caption", caption, class_="unseen"), tag("thead", head), tag("tbody", *body)]
    grid = tag("table", *inside, class_="matrix")
    look = "wide whole" if whole else "wide"
    return tag("div", grid, class_=look, tabindex=0, role="region", aria_label=caption)


def reliability_diagram(line: Line, said: Answers, number: int) -> Safe:
    """Accuracy against confidence in bins, with intervals, beside the diagonal of a calibrated row."""
    bins = reliability(said.confidences, said.right)
    error = calibration_error(bins)
    scale = plots.even_scale(0.0, 1.0, most=5)
    drawn = [plots.line("0%", _SQUARE, "100%", 0, look="diagonal")]
    for tick in scale.ticks:
        y = scale.down(tick, _SQUARE)
        drawn += [
            plots.line("0%", y, "100%", y, look="grid"),
            plots.words("0%", y + 4, percent(tick, 0), look="tick", anchor="end", dx=-8),
            plots.words(scale.across(tick), _SQUARE + 18, percent(tick, 0), look="tick", anchor="middle"),
        ]
    look = look_of(line)
    for found in bins:
        ends = [scale.down(bound, _SQUARE) for bound in _interval_of(found)]
        x = scale.across(found.confidence)
        drawn += [
            plots.upright(x, ends[1], ends[0], look=look),
            plots.dot(x, scale.down(found.accuracy, _SQUARE), look=look),
        ]
    drawn.append(plots.words("2%", 14, "share right", look="tick"))
    drawn.append(plots.words("100%", _SQUARE - 8, "confidence", look="tick", anchor="end"))
    drawn += _histogram(bins)
    title = f"Reliability of {shown(line.title)}"
    said_so = f"{title}: " + "; ".join(
        f"confidence {percent(found.confidence, 0)}, {percent(found.accuracy, 0)} right of {found.examples:,}"
        for found in bins
    )
    image = plots.plot(f"reliability-{number}", drawn, title=title, said=said_so, height=_SQUARE + 80, look="square")
    rows: list[list[Child]] = [
        [
            f"{percent(found.low, 0)} to {percent(found.high, 0)}",
            f"{found.examples:,}",
            percent(found.confidence),
            percent(found.accuracy),
            interval(_interval_of(found)),
        ]
        for found in bins
    ]
    grid = table(["confidence", "rows", "mean", "right", "95 % interval"], rows, caption=title, quiet=True)
    rows_in = f"{counted(len(bins), 'bin')} of {counted(len(said.truth), 'row')}"
    note = f"Expected calibration error {percent(error)} ({rows_in}; biased upwards)."
    return plots.figure(shown(line.title), image, grid, note=note)


def slice_figure(by: str, found: Sequence[Slice], *, key: str, lines: Sequence[Line]) -> Safe:
    """Accuracy of the winner and the best baseline in each slice. lines: the rows that they count, in order.

    Of very many slices those in which the first row is right least often.
    """
    least = sorted(found, key=lambda part: part.correct[0] / part.count)
    drawn = least[:_SLICES] if len(found) > _SLICES else found
    listed = least[:_LISTED] if len(found) > _LISTED else found
    bounds = [bound for part in drawn for bound in _bounds(part)]
    low, high = min(bound[0] for bound in bounds), max(bound[1] for bound in bounds)
    scale = plots.even_scale(low, high, most=4, within=(0.0, 1.0))
    height = _STEP * len(drawn) + 10
    strokes = [*bottom(scale, height), plots.words("100%", 2, "rows", look="tick", dx=12)]
    for at, part in enumerate(drawn):
        strokes += _slice_strokes(part, _STEP * at + 20, scale=scale, lines=lines)
    names = " and ".join(shown(line.title) for line in lines)
    title = f"Accuracy of {names} by {shown(by)}"
    said = f"{title}: " + "; ".join(
        f"{shown(part.name)} ({counted(part.count, 'row')}) "
        + ", ".join(percent(right / part.count) for right in part.correct)
        for part in drawn
    )
    image = plots.plot(key, strokes, title=title, said=said, height=height, look="ladder plain")
    notes = [f"Drawn: the {_SLICES} of {len(found):,} that are right least often."] if len(found) > _SLICES else []
    notes += [f"Figures: the {_LISTED}."] if len(found) > _LISTED else []
    notes += [f"The scale begins at {percent(scale.low, 0)}, not at 0."] if scale.low else []
    grid = _slice_table(title, by, listed, lines)
    return plots.figure(f"By {shown(by)}", image, grid, note=" ".join(notes) or None)


def _bounds(part: Slice) -> list[tuple[float, float]]:
    return [wilson(right, part.count) for right in part.correct]


def _slice_strokes(part: Slice, middle: float, *, scale: plots.Scale, lines: Sequence[Line]) -> list[Safe]:
    """One slice: its name, each row's dot with its whiskers, and how many rows it holds."""
    strokes = [
        plots.row_name(part.name, middle),
        plots.words("100%", middle + 4, f"{part.count:,}", look="tick", dx=12),
    ]
    for place, (line, right, ends) in enumerate(zip(lines, part.correct, _bounds(part), strict=True)):
        y = middle + (4.5 if place else -4.5) * (len(lines) > 1)
        strokes.append(plots.whisker(scale, *ends, y=y, look=look_of(line)))
        strokes.append(plots.dot(scale.across(right / part.count), y, look=look_of(line), radius=4))
    return strokes


def _slice_table(title: str, by: str, found: Sequence[Slice], lines: Sequence[Line]) -> Safe:
    columns = [shown(by), "rows"]
    for line in lines:
        columns += [shown(line.title), "95 % interval"]
    if len(lines) > 1:
        columns.append("difference")
    rows = []
    for part in found:
        cells: list[Child] = [tag("bdi", shown(part.name)), f"{part.count:,}"]
        for right, bound in zip(part.correct, _bounds(part), strict=True):
            cells += [percent(right / part.count), interval(bound)]
        if len(lines) > 1:
            cells.append(points((part.correct[0] - part.correct[1]) / part.count))
        rows.append(cells)
    return table(columns, rows, caption=title, quiet=True)


def _interval_of(found: Bin) -> tuple[float, float]:
    return wilson(round(found.accuracy * found.examples), found.examples)


def _histogram(bins: Sequence[Bin]) -> list[Safe]:
    """Rows of each bin as bars below the square, the largest one numbered."""
    top, tall = _SQUARE + 30, 36
    most = max(found.examples for found in bins)
    parts = []
    for found in bins:
        height = max(1.0, tall * found.examples / most)
        parts.append(
            tag(
                "rect",
                x=f"{100 * found.low + 0.6:.2f}%",
                y=round(top + tall - height, 2),
                width=f"{100 * (found.high - found.low) - 1.2:.2f}%",
                height=round(height, 2),
                class_="count",
            )
        )
    parts.append(plots.words("0%", top + tall, "rows", look="tick", anchor="end", dx=-8))
    return parts


def _shaded(count: int, total: int, *, right: bool, alone: bool) -> Safe:
    """A cell of a matrix. alone: the count without its share, and nothing for none."""
    share = count / total if total else 0.0
    shade = round(_SHADES * share)
    look = f"n shade-{'right' if right else 'wrong'}-{shade}" if count else "n none"
    if alone:
        return tag("td", f"{count:,}", class_=look) if count else tag("td")
    return tag("td", f"{count:,}", tag("small", percent(share, 0)) if total else None, class_=look)


def _mixed_up(line: Line, said: Answers, names: Sequence[str]) -> Safe:
    rows: list[list[Child]] = [
        [
            tag("bdi", names[pair.true]),
            tag("bdi", names[pair.answer]),
            f"{pair.count:,}",
            percent(pair.count / pair.total),
        ]
        for pair in mixed_up(said, _PAIRS)
    ]
    caption = f"The pairs of classes that {shown(line.title)} mixes up most, of {len(names):,} classes"
    columns = ["true class", "its answer", "rows", "share of the class"]
    return table(columns, rows, caption=caption, words=2, quiet=True, look="pairs")
