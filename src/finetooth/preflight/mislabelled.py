"""Finds training rows that are likely mislabelled, by the probabilities of TF-IDF models that were not fitted on them.

A row is a suspect if the models are confident of another class than its label (confident learning). The length of the
list is measured: for a trial, a few labels are made wrong on purpose, and the ranks of these planted rows show roughly
how many of the suspects are wrong. If the planted rows do not stand out, nothing is listed. The share of labels that
look wrong is an estimate that includes hard texts, not a bound; it is shown only if its upper limit is small (NARROW).

Source: Northcutt, Jiang and Chuang 2021, "Confident learning: estimating uncertainty in dataset labels"
(arXiv 1911.00068), section 3.1: a row is confidently of class j if its probability of j is at least the mean
probability of j of the rows labelled j. Rows are ranked by the difference of the two probabilities (their normalised
margin). *Not covered*: a row that such a model does not understand (irony, a turn at the end) is a suspect too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetooth.baselines.tfidf import cross_validated
from finetooth.data import Examples
from finetooth.data.overlap import folds
from finetooth.evaluation.intervals import clopper_pearson
from finetooth.preflight.data_finding import Finding, FlaggedRow, Severity
from finetooth.preflight.data_view import DataView
from finetooth.progress import Progress
from finetooth.wording import roughly

FOLDS = 3
MOST_ROWS = 20_000
MOST_CLASSES = 300  # with more classes, 20,000 rows are too few of each class, and the models take too long
LEAST_ROWS = 200  # judged together: of fewer rows, the planted ones would be a tenth or more
PLANTED_SHARE, LEAST_PLANTED = 0.02, 20  # labels that are made wrong for the trial
LEAST_CAUGHT = 10  # of the planted rows: fewer show nothing
LEAST_PRECISION = 0.5
LEAST_WRONG = 0.01  # share of wrong labels that is always assumed
MOST_WRONG = 0.2  # in a group: above it a weak model is more likely than wrong labels (SST-2, 600 rows: 0.26)
NARROW = 0.1  # the largest upper limit of a share that is shown: clean TREC-6 has 0.25 at 600 rows, 0.06 at 2,000
MANY = 0.05
LEVEL = 0.95
Labels = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """The result of the search in N rows.

    rows: positions of the suspects in `examples`, the clearest first; likelier: the more likely class of each.
    planted: number of planted rows; caught: how many of these the list would contain. judged_rows: positions of the
    rows of the classes for which the trial succeeded; wrong: estimated share of their labels that look wrong, 0 to 1;
    upper: its upper limit at LEVEL, the mean of the groups' limits.
    """

    examples: Examples
    rows: list[int]
    likelier: list[int]
    planted: int
    caught: int
    judged_rows: list[int]
    wrong: float
    upper: float


def find(view: DataView, *, progress: Progress) -> list[Finding]:
    """A finding on training rows that are likely mislabelled, the clearest first, or a note why there is none."""
    count = len(view.train)
    if count < LEAST_ROWS:
        return [_unknown(f"{count:,} training rows are too few for the search")]
    if len(view.classes) > MOST_CLASSES:
        return [_unknown(f"{len(view.classes):,} classes are too many for the search")]
    judged = judge(view, progress=progress)
    if not judged.caught:
        return [_unknown("TF-IDF models do not recognise labels that were made wrong for a trial")]
    if not judged.rows:
        return []
    searched = len(judged.examples)
    drawn = "" if searched == count else f" {searched:,} drawn from"
    says = (
        f"{len(judged.rows):,} of{drawn} {count:,} training rows may be mislabelled: TF-IDF models that were not "
        f"fitted on them are confident of another label. {_share(judged)}"
    )
    advice = (
        "Read them in this order: some labels are wrong, others only look so to a model that counts words. Of "
        f"{judged.planted:,} labels made wrong for a trial, the list would contain {judged.caught:,}."
    )
    rows = []
    for row, label in zip(judged.rows, judged.likelier, strict=True):
        name = view.classes[label]
        rows.append(FlaggedRow(judged.examples.ids[row], "train", f"read it again: it may be {name}", name))
    severity: Severity = "warn" if judged.upper <= NARROW and judged.wrong >= MANY else "note"
    return [Finding("likely_mislabelled", severity, says, advice, tuple(rows))]


def judge(view: DataView, *, progress: Progress) -> Judged:
    """Judge every training row (at most MOST_ROWS, drawn by their content) with models that were not fitted on it."""
    chosen = draw(view.splits["train"].keys)
    keys = [view.splits["train"].keys[row] for row in chosen]
    examples = view.train.select(chosen)
    groups = group(examples.labels, classes=len(view.classes))
    planted, trial_labels = plant(keys, examples.labels, groups=groups)
    trial = Examples(examples.ids, examples.texts, examples.pairs, trial_labels)
    with progress.step("search for mislabelled rows", total=FOLDS, unit="folds") as step:
        logits = cross_validated(
            trial, folds(keys, trial_labels, count=FOLDS), classes=len(view.classes), advance=step.advance
        )
    probabilities = np.exp(logits.astype(np.float64))
    thresholds = confidence_thresholds(probabilities, trial_labels)
    _, margin = confident(probabilities, trial_labels, thresholds)
    likelier, own_margin = confident(probabilities, examples.labels, thresholds)
    suspect, is_judged = np.zeros((2, len(examples)), dtype=bool)
    caught, wrong, upper = 0, 0.0, 0.0
    for number in range(int(groups.max()) + 1):
        members, of_label = groups[trial_labels] == number, groups[examples.labels] == number
        least_margin, share = cut(margin[members], planted[members])
        if np.isinf(least_margin):
            continue
        suspect |= of_label & (own_margin >= least_margin)
        caught += int((margin[members & planted] >= least_margin).sum())
        limit = upper_limit(margin[members], planted[members])
        count = int(of_label.sum())
        wrong, upper = wrong + share * count, upper + limit * count
        is_judged |= of_label
    rows = np.flatnonzero(suspect)
    rows = rows[np.argsort(-own_margin[rows], kind="stable")]
    judged_rows = np.flatnonzero(is_judged).tolist()
    shares = (wrong / max(len(judged_rows), 1), upper / max(len(judged_rows), 1))
    return Judged(examples, rows.tolist(), likelier[rows].tolist(), int(planted.sum()), caught, judged_rows, *shares)


def draw(keys: Sequence[bytes]) -> list[int]:
    """Positions of the rows to search, ascending: those with the lowest keys, which are hashes of the texts."""
    return sorted(sorted(range(len(keys)), key=lambda row: (keys[row], row))[:MOST_ROWS])


def group(labels: Labels, *, classes: int) -> Labels:
    """The group of each class, (C,). Groups are judged separately, because wrong labels of two classes may differ.

    A class with LEAST_ROWS rows is a group of its own. The smaller classes form one group; if they have too few rows
    together, their group is -1, which is not judged.
    """
    sizes = np.bincount(labels, minlength=classes)
    large = np.flatnonzero(sizes >= LEAST_ROWS)
    groups = np.full(classes, len(large) if sizes[sizes < LEAST_ROWS].sum() >= LEAST_ROWS else -1)
    groups[large] = np.arange(len(large))
    return groups


def plant(keys: Sequence[bytes], labels: Labels, *, groups: Labels) -> tuple[npt.NDArray[np.bool_], Labels]:
    """(which rows get a wrong label, the labels with these), both (N,): drawn by the rows' content.

    Each group receives PLANTED_SHARE of its number of rows, at least LEAST_PLANTED, from other labels.
    """
    order = sorted(range(len(keys)), key=lambda row: (keys[row][::-1], row))
    trial_labels, planted = labels.copy(), np.zeros(len(keys), dtype=bool)
    for number in range(int(groups.max()) + 1):
        targets = labels[groups[labels] == number]
        left = max(LEAST_PLANTED, round(PLANTED_SHARE * len(targets)))
        for row in order:
            target = targets[int.from_bytes(keys[row][:4]) % len(targets)]
            if left and not planted[row] and target != labels[row]:
                trial_labels[row], planted[row] = target, True
                left -= 1
    return planted, trial_labels


def confidence_thresholds(probabilities: Probabilities, labels: Labels) -> Probabilities:
    """(C,) float64: mean probability of class j over the rows labelled j, infinite if there are none."""
    count, classes = probabilities.shape
    label_counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, weights=probabilities[np.arange(count), labels], minlength=classes)
    return np.where(label_counts > 0, sums / np.maximum(label_counts, 1), np.inf)


def confident(probabilities: Probabilities, labels: Labels, thresholds: Probabilities) -> tuple[Labels, Probabilities]:
    """For each row, the class it is confidently of, or its label, (N,); and the difference to the label's, (N,).

    probabilities: (N, C) float64, of models that were not fitted on the row. The difference of the probabilities, the
    margin, is 0 if the models are not confident of another class.
    """
    every = np.arange(len(labels))
    eligible = np.where(probabilities >= thresholds, probabilities, -1.0)
    best, own = eligible.argmax(axis=1), probabilities[every, labels]
    likelier = np.where(eligible[every, best] > own, best, labels).astype(np.int64)
    return likelier, probabilities[every, likelier] - own


def cut(margin: Probabilities, planted: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """(smallest margin of the listed suspects of a group, share of its labels that look wrong).

    The planted rows show how wrong labels spread over the margins. Above any margin, the other rows are at least as
    many as the wrong ones among them. So their number, divided by the share of planted rows above it, estimates the
    total of wrong rows from above. The least of these estimates is returned; as the least of many, it is not a bound.
    The list ends where less than half of it could be wrong.
    Source: Blanchard, Lee and Scott 2010, "Semi-supervised novelty detection", section 4 (the proportion of a mixture).
    """
    suspects = np.flatnonzero(margin > 0)
    order = suspects[np.argsort(-margin[suspects], kind="stable")]
    caught = np.cumsum(planted[order])
    enough = caught >= LEAST_CAUGHT
    if not enough.any():
        return np.inf, 1.0
    other = np.arange(1, len(order) + 1) - caught
    bound = (other / (~planted).sum()) / (np.maximum(caught, 1) / planted.sum())
    wrong = float(bound[enough].min())
    if wrong > MOST_WRONG:
        return np.inf, wrong
    listed = np.flatnonzero(enough & (bound <= max(wrong, LEAST_WRONG) / LEAST_PRECISION))
    return float(margin[order[listed[-1]]]), wrong


def upper_limit(margin: Probabilities, planted: npt.NDArray[np.bool_]) -> float:
    """An approximate upper limit at LEVEL of the share of a group's labels that are wrong, 0 to 1.

    The other rows are counted at the margin that half of the planted rows reach, and divided by the least share of
    wrong labels that may reach it (Clopper and Pearson 1934). The limit holds if wrong labels spread over the margins
    as the planted ones do. *Not covered*: the chance in the count of the other rows; in the simulation of the tests the
    limit is below the true share in 7 % of draws. It decides whether an estimate is shown, and is not shown itself.
    """
    total = int(planted.sum())
    half = -(-total // 2)
    least_margin = float(np.sort(margin[planted])[::-1][half - 1])
    if least_margin <= 0:
        return 1.0
    reached = margin >= least_margin
    caught, other = int((reached & planted).sum()), int((reached & ~planted).sum())
    least, _ = clopper_pearson(caught, total, level=LEVEL)
    return min(1.0, other / int((~planted).sum()) / least)


def _share(judged: Judged) -> str:
    """A sentence on the share of labels that look wrong, of the classes for which the trial succeeded."""
    if judged.upper > NARROW:
        return "The share of wrong labels is not known: to such models, hard texts look wrong too."
    share = f"{roughly(LEAST_WRONG)} or fewer" if judged.wrong < LEAST_WRONG else roughly(judged.wrong)
    count, searched, labels = len(judged.judged_rows), len(judged.examples), "all labels"
    if count < searched:
        labels = f"the labels of the classes that a trial could judge ({count:,} of {searched:,} rows)"
    return f"About {share} of {labels} look wrong to such models."


def _unknown(reason: str) -> Finding:
    says = f"No mislabelled rows can be named: {reason}."
    return Finding("mislabelled_unknown", "note", says, "Nothing to do.")
