"""Figures as people read them; a no-break space stands between a figure and its unit."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

GAP = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
_SMALLEST_P = 0.001
PROBED = {
    "pooler": "the pooler's output",
    "first_token": "the first token's state",
    "mean": "mean-pooled states",
}
TEMPERED = (
    "Log loss and calibration error of candidates: after the temperature fitted on the validation rows; other rows "
    "have none."
)


def percent(share: float, digits: int = 1) -> str:
    """A share 0 to 1 as `82.3 %`."""
    return f"{100 * share:.{digits}f}{GAP}%"


def interval(bounds: tuple[float, float]) -> str:
    """Two shares as `80.8 to 83.7`, in per cent."""
    return f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f}".replace(" ", GAP)


def points(difference: float) -> str:
    """A difference of shares in percentage points, signed: `+1.4`."""
    text = f"{100 * difference:+.1f}"
    return "0.0" if text[1:] == "0.0" else text.replace("-", MINUS)


def p_value(p: float) -> str:
    """`p < 0.001` or `p = 0.041`."""
    if p < _SMALLEST_P:
        return f"p < {_SMALLEST_P}".replace(" ", GAP)
    return (f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}").replace(" ", GAP)


def short_model(source: str) -> str:
    """A source id as people read it: a wheel by its name and version, a Hub id with seven figures of its commit."""
    if source.startswith("wheel:"):
        return source.removeprefix("wheel:").split("#")[0].split("/")[0]
    name, at, revision = source.partition("@")
    return f"{name}{at}{revision[:7]}" if len(revision) == 40 else source


def which_p(differences: Sequence[float]) -> str:
    """Which p stands beside these differences to the best baseline; at least one difference."""
    texts = []
    if max(differences) > 0:
        texts.append("A candidate ahead of the best baseline is tested against every baseline; the largest p is shown.")
    if min(differences) <= 0:
        texts.append(
            "A candidate not ahead of the best baseline is tested against it alone, corrected for choosing it."
        )
    return " ".join(texts)


def family(names: Sequence[str]) -> str:
    """Over what the p of candidates of these names are corrected, to stand after the test's name; empty for one."""
    seeds = " and seeds" if len(set(names)) < len(names) else ""
    return f", corrected for {len(names):,} candidates{seeds} (Holm)" if len(names) > 1 else ""


def of_full(rows: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> str | None:
    """What a row of full fine-tuning is, where it was held against the winner; rows: each with its comparison."""
    told = any(
        row["name"] == "full" and row["kind"] == "baseline" and compared.get("against_winner") for row, compared in rows
    )
    return "full: all parameters tuned, a yardstick that candidates need not beat." if told else None


def of_probes(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What each linear probe among the rows reads, and of which model where that is not the run's own."""
    told = "both chosen on the validation rows"
    for row in rows:
        probe = row.get("probe")
        if probe is not None:
            read, strength = PROBED[probe["feature"]], f"C = {probe['inverse_regularisation']:g}"
            of = f" of {short_model(probe['model'])}" if probe.get("model") else ""
            yield f"{row['name']}: logistic regression on {read}{of}, {strength}, {told}."


def of_frozen(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What each row paid and saved whose lower layers were frozen during its training (`then`)."""
    rows = list(rows)
    for row in rows:
        frozen = row.get("frozen")
        if frozen is not None:
            several = sum(other["name"] == row["name"] for other in rows) > 1
            layers, epochs = counted(frozen["layers"], "layer"), counted(frozen["after_epochs"], "epoch")
            spent = seconds(frozen["states_seconds"])
            yield (
                f"{title(row, several=several)}: the lowest {layers} frozen after {epochs}, their states computed once "
                f"({spent}); a training example then took {frozen['time_ratio']:.2f} of its time before."
            )


def of_cut(contract: Mapping[str, Any]) -> str | None:
    """Which share of the test rows is cut for which rows of the table, and that tfidf reads them whole; None: of none.

    Says nothing of runs that were measured before the shares were recorded.
    """
    done = [row for row in contract["rows"] if row["status"] == "done"]
    candidates = dict.fromkeys(row["name"] for row in done if row["kind"] == "candidate")
    groups: dict[float, dict[str, None]] = {}
    for row in done:
        if row.get("test_rows_cut"):
            name = "candidates" if row["name"] in candidates and len(candidates) > 1 else row["name"]
            groups.setdefault(row["test_rows_cut"], {})[name] = None
    if not groups:
        return None
    shares = [(percent(share, 0 if share >= 0.1 else 1), listed(list(names))) for share, names in groups.items()]
    (most, of_most), *others = shares
    said = f"{most} of test rows are cut at {contract['data']['max_tokens']:,} tokens for {of_most}"
    said += "".join(f", {share} for {names}" for share, names in others)
    return said + ("; tfidf reads them whole." if any(row["name"] == "tfidf" for row in done) else ".")


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


PRECISIONS = {
    "bfloat16": "bfloat16",
    "float32": "float32",
    "plain": "float32 by the model's own pass",
}


def computed_in(rows: Iterable[Mapping[str, Any]]) -> str | None:
    """In which number format the test figures of the rows were computed, in a short line; None without a model.

    rows: of the contract. With bfloat16 it says how many validation labels differ at most.
    """
    known = [row for row in rows if row["status"] == "done" and row.get("inference")]
    names: dict[str, list[str]] = {}
    for row in known:
        listed = names.setdefault(row["inference"]["precision"], [])
        listed += [] if row["name"] in listed else [row["name"]]
    if not names:
        return None
    if len(names) > 1:
        parts = [f"{PRECISIONS[key]} ({', '.join(names[key])})" for key in PRECISIONS if key in names]
        return f"Test figures in {'; '.join(parts)}."
    (precision,) = names
    flips = [row["inference"] for row in known if row["inference"].get("validation_rows")]
    if precision != "bfloat16" or not flips:
        return f"Test figures in {PRECISIONS[precision]}."
    most = max(flips, key=lambda known: known["flipped"])
    flipped, rows = most["flipped"], most["validation_rows"]
    differ = (
        f"at most {flipped:,} of {rows:,} validation labels differ"
        if flipped
        else f"all {rows:,} validation labels are the same"
    )
    return f"Test figures in bfloat16: {differ}."


def of_heads(name: str, count: int, *, first: float | None, others: bool) -> str:
    """What the figures of a row of several untrained heads are.

    first: accuracy of the first head, 0 to 1, where candidates are compared with the row. others: whether figures other
    than its accuracy and range are shown.
    """
    said = f"{name} (chance): mean and range of {count} random classification layers."
    said += " Its other figures are those of the first." if others else ""
    return said if first is None else f"{said} Candidates are compared with the first of them ({percent(first)})."


def compared_with(comparison: Mapping[str, Any]) -> list[tuple[str, int | None]]:
    """Name and seed of the baselines that differences and p of candidates are held against; none without candidates."""
    judged = [row for row in comparison.get("rows", []) if row.get("difference") is not None]
    against = [comparison.get("best_control"), *(row.get("p_against") for row in judged)] if judged else []
    return [(row["name"], row["seed"]) for row in against if row is not None]


def seconds(value: float) -> str:
    """`0.03 s`, `0.4 s`, `41 s`, `5 min`, `1.2 h`."""
    if value < 99.5:
        text = f"{_short(value)} s"
    else:
        text = f"{value / 60:.0f} min" if value < 99.5 * 60 else f"{value / 3600:.1f} h"
    return text.replace(" ", GAP)


def latency(median: float, bounds: Sequence[float] | None) -> str:
    """Seconds as `14.9 ms (14.2 to 17.0)`; bounds: the 5th and 95th percentile, None where they were not measured."""
    return milliseconds(median) if bounds is None else f"{milliseconds(median)}{GAP}({spread(bounds)})"


def milliseconds(value: float) -> str:
    """Seconds as `14.9 ms`."""
    return f"{_three_digits(1e3 * value)}{GAP}ms"


def spread(bounds: Sequence[float]) -> str:
    """Two numbers of seconds as `14.2 to 17.0`, in milliseconds."""
    return " to ".join(_three_digits(1e3 * value) for value in bounds).replace(" ", GAP)


def _three_digits(value: float) -> str:
    """A number with three significant digits: `0.0940`, `14.9`, `1,230`."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.{max(0, 2 - math.floor(math.log10(rounded)))}f}"


def _short(value: float) -> str:
    """A number in whole ones, below one with one figure that says something."""
    return f"{value:.0f}" if value >= 0.95 or value == 0 else f"{float(f'{value:.1g}'):f}".rstrip("0")


def megabytes(size: int) -> str:
    """Bytes as `1.3 MB`."""
    return f"{size / 1e6:,.1f}{GAP}MB" if size < 1e7 else f"{size / 1e6:,.0f}{GAP}MB"


def times(count: int) -> str:
    """`once` or `3 times`."""
    return "once" if count == 1 else f"{count:,} times"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def epoch(value: float) -> str:
    """A moment of a training in epochs: `9`, `7.89`."""
    return f"{round(value, 2):g}"


def short_number(value: float) -> str:
    """A tick of an axis: 1,500 as `1.5k`, 2,000,000 as `2M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def of_rows(data: Mapping[str, Any]) -> list[str]:
    """Why intervals may come out too narrow for these test rows, names as the user wrote them; data: data.json."""
    said = []
    group = data.get("columns", {}).get("group")
    if group:
        said.append(
            f"Test rows of one {group['name']} count as independent of each other; as far as they are alike, "
            "intervals and p are too narrow."
        )
    for found in data.get("findings", []):
        if (found["code"], found["severity"]) == ("duplicates_in_split", "warn") and " test row" in found["says"]:
            said.append(f"{found['says']} {found['advice']}")
    return said


def counted_parts(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The keys of counts that add up to the parameters trained, and `total`; `base` only where a row trains it."""
    trains_base = any((row["parameters"] or {}).get("base") for row in rows)
    return ["adapter", "head", "bias", *(["base"] if trains_base else []), "total"]


def title(row: Mapping[str, Any], *, several: bool) -> str:
    """A row's name, with its seed where there are several."""
    return str(row["name"]) if row["seed"] is None or not several else f"{row['name']}, seed {row['seed']}"
