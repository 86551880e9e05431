"""Sentences that explain the figures of a run, for the terminal, the page, the card and the notebook."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from finetooth.evaluation.gap import amount
from finetooth.evaluation.intervals import wilson
from finetooth.evaluation.seeds import FEW_SEEDS
from finetooth.report.learning_chart import doubling
from finetooth.report.view import Pooled, RowView, RunView
from finetooth.row_kinds import row_kind
from finetooth.tasks import Metric
from finetooth.wording import (
    counted,
    interval,
    listed,
    milliseconds,
    percent,
    points,
    roughly,
    seconds,
    short_model,
    shown,
    size,
)

RELOAD_CHECK = "passed: the same logits, bit for bit, in a new process."
UNFINISHED = "This run is not complete. To continue it, run the same command again."
TEMPERED = (
    "Log loss and calibration error: after temperature scaling, fitted for each row of the table on the validation "
    "rows."
)
PRECISIONS = {"bfloat16": "bfloat16", "float32": "float32", "plain": "float32 by the model's own pass"}
_PROBED = {"pooler": "the pooler's output", "first_token": "the first token's state", "mean": "mean-pooled states"}
_RULES = {
    "thresholds": "Labels: by thresholds fitted for each row of the table on the validation rows.",
    "costs": "Labels: by the least expected cost (decision.costs).",
}
_IN_BFLOAT16 = "Matrix products in training were computed in bfloat16, except in rows that were trained with padding."
_LISTED = 20


class Fact(NamedTuple):
    """How something was measured. private: it names files or columns of the user."""

    name: str
    text: str
    private: bool = False


def notes(run: RunView, *, beside_accuracy: bool) -> list[str]:
    """The sentences under a table. beside_accuracy: whether it shows more figures than accuracy and its interval."""
    lines = ["* best on the validation rows, chosen before any test row was scored."] if run.chosen else []
    lines += heads(run, beside_accuracy=beside_accuracy)
    if beside_accuracy and any(row.is_chance and row.heads is None for row in run.done):
        lines.append("(chance): the classification layer is random, never trained.")
    lines += [*_probes(run), *_frozen(run), *_precision(run), *_cut(run)]
    if any(row.role == "reference" and row.beside_winner for row in run.rows):
        lines.append("full: all parameters trained, a reference that candidates need not beat.")
    lines += [text for key, text in _RULES.items() if any(row.decision.get(key) for row in run.rows)]
    lines += _answered(run)
    lines += _compared(run)
    if beside_accuracy and any(row.decision.get("temperature", 1.0) != 1.0 for row in run.done):
        lines.append(TEMPERED)
    lines += _calibrated(run) if beside_accuracy else ()
    if beside_accuracy and run.best_baseline is not None and run.best_baseline.learning_curve:
        lines.append(doubling(run.best_baseline))
    if beside_accuracy and any(row.costs.latency_seconds is not None for row in run.rows):
        lines.append("latency: median time from one text to its answer (5th to 95th percentile).")
    return lines


def cost(run: RunView) -> str:
    """What the winner and the best baseline cost: time to fit, time of a text, memory; empty if one is not measured."""

    def spent(row: RowView) -> str:
        costs, parts = row.costs, []
        if costs.train_seconds is not None:
            parts.append(f"{seconds(costs.train_seconds)} to train")
        if costs.latency_seconds is not None:
            parts.append(f"{milliseconds(costs.latency_seconds)} a text")
        if costs.peak_bytes is not None:
            parts.append(f"{size(costs.peak_bytes)} of memory")
        return listed(parts)

    rows = [row for row in (run.winner, run.best_baseline) if row is not None and spent(row)]
    if len(rows) < 2:
        return ""
    ours, theirs = rows
    return f"Cost of {ours.title}: {spent(ours)}; of the best baseline, {theirs.title}: {spent(theirs)}."


def p_of_each(run: RunView) -> list[str]:
    """What the p of each candidate is, and over which candidates it is corrected; empty if there is only the winner."""
    others = len(run.compared) - (run.winner is not None)
    if run.best_baseline is None or not others:
        return []
    corrected = f"; corrected over the {others:,} candidates beside the winner (Holm)" if others > 1 else ""
    hypothesis = "better than every baseline, or worse than the best one if it is not ahead"
    return [f"p of each: that the candidate is {hypothesis}{corrected}."]


def warnings(run: RunView) -> list[str]:
    """Which rows failed, the warnings of the others, and what changed if the run is inexact."""
    lines = [f"{row.title} failed: {row.error}" for row in run.rows if row.error is not None]
    lines += [f"Warning  {row.title}: {text}" for row in run.rows for text in row.warnings]
    return lines + ([f"Inexact  changed during the run: {'; '.join(run.inexact)}"] if run.inexact else [])


def pooled(run: RunView) -> list[str]:
    """For each name that has several seeds: the mean and the standard deviation of the verdict's metric."""
    unit, lines = " points" if run.metric.unit == "share" else "", []
    what = "" if run.metric.key == run.task.headline.key else f"{run.metric.title} "
    for one in run.pooled:
        mean, deviation = mean_and_deviation(one, run.metric)
        lines.append(
            f"{one.name} over {counted(one.seeds, 'seed')}: mean {what}{mean}, standard deviation {deviation}{unit}"
        )
    return lines


def mean_and_deviation(one: Pooled, metric: Metric) -> tuple[str, str]:
    """`91.4 %` and `0.4` (points) of a share; `0.123` and `0.0042` of another metric."""
    if metric.unit == "share":
        return percent(one.mean), points(one.standard_deviation, signed=False)
    return amount(one.mean, metric), amount(one.standard_deviation, metric)


def heads(run: RunView, *, beside_accuracy: bool = False) -> list[str]:
    """What the figures of a row of several untrained heads are; empty without such a row."""
    for row in run.done:
        if row.heads is not None:
            text = f"{row.title} (chance): mean and range of {row.heads.count} random classification layers."
            text += " Its other figures are those of the first." if beside_accuracy else ""
            if row.is_compared_with:
                text += f" Candidates are compared with the first of them ({percent(row.measured.level)})."
            return [text]
    return []


def facts(run: RunView, data: Mapping[str, Any], provenance: Mapping[str, Any]) -> list[Fact]:
    """How the figures were measured. data, provenance: as in Material."""
    packages, device = provenance.get("packages") or {}, provenance.get("device") or {}
    files = [f"{file['file']} ({counted(file['rows'], 'row')})" for file in data.get("files", [])]
    columns = [f"{key}: {value['name']}" for key, value in (data.get("columns") or {}).items()]
    in_bfloat16 = provenance.get("precision") == "bfloat16"
    seeds = len({row.seed for row in run.candidates})
    few_seeds = f"{counted(seeds, 'seed')}: too few to show how much the figures change from seed to seed."
    memory = f"{size(run.peak_bytes)} at most, of the command and a row's process together." if run.peak_bytes else ""
    lines = [
        Fact(
            "Splits",
            f"{counted(run.train, 'row')} for training, {counted(run.validation, 'row')} for choices (validation), "
            f"{counted(run.test, 'row')} for the figures (test). "
            "No test row was used to fit a model or to choose the epoch or the winner.",
        ),
        Fact("Test set", f"{run.test_id[:16]}…, {run.test_use}."),
        Fact("Rows", "Every candidate started from the same base model; every figure is computed from saved files."),
        Fact("Reload check", RELOAD_CHECK if run.is_reload_checked else ""),
        Fact("Intervals", f"At 95 %, from {run.tested}: the uncertainty from the test rows, not from the seed."),
        Fact("Seeds", few_seeds if 0 < seeds < FEW_SEEDS else ""),
        Fact("Files", _some(files), private=True),
        Fact("Columns", _some(columns), private=True),
        Fact("Classes", f"{len(run.classes):,}: {_some(run.classes)}"),
        Fact("Versions", ", ".join(f"{name} {version}" for name, version in packages.items() if version)),
        Fact("Processor", provenance.get("processor") or ""),
        Fact("Trained on", f"{device['gpu']}; every evaluation on the processor." if device.get("gpu") else ""),
        Fact("Precision", _IN_BFLOAT16 if in_bfloat16 else ""),
        Fact("Total time of the steps", seconds(sum(run.step_seconds.values())) if run.step_seconds else ""),
        Fact("Memory", memory),
    ]
    return [Fact(name, shown(text, 3_000), private) for name, text, private in lines if text]


def _probes(run: RunView) -> Iterator[str]:
    """What each linear probe reads, and its model if that is not the run's own."""
    for row in run.rows:
        if row.probe is not None:
            of = f" of {short_model(row.probe.model)}" if row.probe.model else ""
            yield (
                f"{row.name}: logistic regression on {_PROBED[row.probe.feature]}{of}, "
                f"C = {row.probe.inverse_regularisation:g}, both chosen on the validation rows."
            )


def _frozen(run: RunView) -> Iterator[str]:
    """For each row whose lower layers were frozen during its training (`then`): what that took and saved."""
    for row in run.rows:
        frozen = row.costs.frozen
        if frozen is not None:
            yield (
                f"{row.title}: the lowest {counted(frozen['layers'], 'layer')} frozen after "
                f"{counted(frozen['after_epochs'], 'epoch')}, and their outputs computed once "
                f"({seconds(frozen['states_seconds'])}); after that, a training example took "
                f"{frozen['time_ratio']:.2f} times as long as before."
            )


def _precision(run: RunView) -> Iterator[str]:
    """The number format of the test figures; if it is bfloat16 only, also how many labels it changes at most."""
    computed = [(row.name, row.inference) for row in run.done if row.inference is not None]
    names = {key: list(dict.fromkeys(name for name, one in computed if one.precision == key)) for key in PRECISIONS}
    used = [key for key, rows in names.items() if rows]
    flips = [(one.flipped or 0, one.validation_rows) for _, one in computed if one.validation_rows]
    if len(used) > 1:
        yield "Test figures in " + "; ".join(f"{PRECISIONS[key]} ({', '.join(names[key])})" for key in used) + "."
    elif used == ["bfloat16"] and flips:
        flipped, rows = max(flips)
        most = f"at most {flipped:,} of {rows:,} validation labels differ from float32"
        yield f"Test figures in bfloat16: {most if flipped else f'all {rows:,} validation labels are as in float32'}."
    elif used:
        yield f"Test figures in {PRECISIONS[used[0]]}."


def _cut(run: RunView) -> Iterator[str]:
    """The share of the test rows that is cut, by rows of the table, and which rows read whole texts."""
    several = len({row.name for row in run.candidates}) > 1
    groups: dict[float, dict[str, None]] = {}
    for row in run.done:
        if row.cut:
            groups.setdefault(row.cut, {})["candidates" if row.role == "candidate" and several else row.name] = None
    shares = [(roughly(share), listed(list(names))) for share, names in groups.items()]
    for share, names in shares[:1]:
        text = f"{share} of test rows are cut at {run.max_tokens:,} tokens for {names}"
        text += "".join(f", {share} for {names}" for share, names in shares[1:])
        readers = [row.name for row in run.done if row_kind(row.name).fitted and not row_kind(row.name).needs_model]
        verb = "reads" if len(readers) == 1 else "read"
        yield text + (f"; {listed(readers)} {verb} them whole." if readers else ".")


def _answered(run: RunView) -> Iterator[str]:
    """If the winner and the best baseline may abstain: how many test rows they answer, and how many of these right."""
    for row in filter(None, (run.winner, run.best_baseline)):
        coverage, accuracy = row.measured.coverage, row.measured.accuracy_answered
        if coverage is None:
            continue
        if accuracy is None:
            yield f"{row.title}: answers none of the test rows (decision.abstain)."
            continue
        answered, ends = round(coverage * row.measured.examples), ""
        if run.units in (None, run.test):  # else no file has the number of units that are answered
            ends = f" (95 % interval {interval(wilson(round(accuracy * answered), answered))})"
        yield (
            f"{row.title}: answers {percent(coverage)} of the test rows (decision.abstain); {percent(accuracy)} of "
            f"these answers are right{ends}. Its other figures cover all test rows."
        )


def _calibrated(run: RunView) -> Iterator[str]:
    """The calibration error of the winner, and how large it may be by chance."""
    figures = run.winner.measured if run.winner else None
    if figures is not None and figures.calibration_error is not None and figures.calibration_error_limit is not None:
        yield (
            f"Calibration error of the winner: {100 * figures.calibration_error:.1f} points; a perfectly calibrated "
            f"row with the same probabilities stays below {100 * figures.calibration_error_limit:.1f} in 95 % of "
            "simulated cases."
        )


def _compared(run: RunView) -> Iterator[str]:
    """The best baseline, what the p of the winner is, and by which metric both are if that is not the accuracy."""
    if run.best_baseline is None or not run.compared:
        return
    text = f"Best baseline: {run.best_baseline.title}."
    if run.winner is not None and run.winner.measured.p is not None:
        ahead = (run.winner.measured.gain or 0.0) > 0
        hypothesis = "better than every baseline" if ahead else "worse than the best baseline"
        text += f" p: that the winner is {hypothesis}."
    yield text
    if run.metric.key != run.task.headline.key:
        sign = "; above 0 is better" if run.metric.better == "lower" else ""
        yield f"Best baseline, vs best baseline and p: by {run.metric.title}{sign}."


def _some(names: Any) -> str:
    """The first _LISTED of the names, each cut to a readable length."""
    return ", ".join(shown(str(name), 40) for name in names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
