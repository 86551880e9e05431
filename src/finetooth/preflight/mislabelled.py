"""Training rows that are likely mislabelled, by the probabilities that TF-IDF models give rows they were not fitted on.

A row is suspect when it is confidently of another class than its label (confident learning). How many suspects are
listed is measured: a few labels are turned wrong for a trial, and where these come out tells how many of the suspects
can be wrong at all. Where they cannot be told from other rows, nothing is listed. The share of labels that look wrong
is an estimate: hard texts count in it too. It is shown only where its upper limit is small (NARROW).

Source: Northcutt, Jiang and Chuang 2021, "Confident learning: estimating uncertainty in dataset labels"
(arXiv 1911.00068), section 3.1: a row counts as confidently of class j when its probability of j reaches the mean
probability of j of the rows labelled j; ranked by the difference of its two probabilities (their normalised margin).
*Not covered*: a row that the model gets wrong for lack of understanding (irony, a turn at the end) is suspect too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetooth.baselines.tfidf import cross_validated
from finetooth.data import Examples
from finetooth.data.overlap import folds
from finetooth.measure.exact_interval import clopper_pearson
from finetooth.preflight.data_finding import Finding, Row, Severity
from finetooth.preflight.data_view import Seen, taken
from finetooth.progress import Progress
from finetooth.wording import roughly

FOLDS = 3
MOST_ROWS = 20_000
MOST_CLASSES = (
    300  # the models take time with rows and classes; 20,000 rows of more classes are too few of each to judge
)
LEAST_ROWS = 200  # that are judged together: among fewer the trial would be a tenth or more
PLANTED_SHARE, LEAST_PLANTED = 0.02, 20  # labels that are turned wrong for the trial
LEAST_CAUGHT = 10  # of the planted: fewer tell nothing
LEAST_PRECISION = 0.5
LEAST_WRONG = 0.01  # share of wrong labels that is always reckoned with
MOST_WRONG = 0.2  # in a group: above it a weak model is likelier than wrong labels (SST-2, 600 rows: 0.26)
NARROW = 0.1  # the upper limit of a share that is shown: clean TREC-6 has 0.25 with 600 rows, 0.06 with 2,000
MANY = 0.05
LEVEL = 0.95
Labels = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the search found in the N rows that it looked at.

    rows: places of the suspects in `examples`, the clearest first; likelier: the class each of them may be.
    planted: labels turned wrong for the trial; caught: how many of these the list would hold. told: rows of the classes
    of which the trial told something; wrong: the share of their labels that look wrong, 0 to 1, an estimate; upper: its
    upper limit at LEVEL, the mean of the groups' limits.
    """

    examples: Examples
    rows: list[int]
    likelier: list[int]
    planted: int
    caught: int
    told: int
    wrong: float
    upper: float

    @property
    def share_is_narrow(self) -> bool:
        """Whether `wrong` says anything."""
        return self.upper <= NARROW


def find(seen: Seen, *, progress: Progress) -> list[Finding]:
    """A finding on training rows that are likely mislabelled, the clearest first, or a note why none can be told."""
    count = len(seen.train)
    if count < LEAST_ROWS:
        return [_not_sought(f"{count:,} training rows are too few for it")]
    if len(seen.classes) > MOST_CLASSES:
        return [_not_sought(f"{len(seen.classes):,} classes are too many for it")]
    judged = judge(seen, progress=progress)
    if not judged.caught:
        return [_not_sought("TF-IDF models cannot tell labels that were turned wrong for a trial from the others")]
    if not judged.rows:
        return []
    looked = len(judged.examples)
    drawn = "" if looked == count else f" {looked:,} drawn from"
    says = (
        f"{len(judged.rows):,} of{drawn} {count:,} training rows may be mislabelled: TF-IDF models that were fitted "
        f"without them are confident of another label. {_share(judged)}"
    )
    advice = (
        "Read them, the first ones first: some labels are wrong, others only hard for a model that counts words. Of "
        f"{judged.planted:,} labels turned wrong for a trial, the list would hold {judged.caught:,}."
    )
    rows = []
    for row, label in zip(judged.rows, judged.likelier, strict=True):
        name = seen.classes[label]
        rows.append(Row(judged.examples.ids[row], "train", f"read it again: it may be {name}", name))
    severity: Severity = "warn" if judged.share_is_narrow and judged.wrong >= MANY else "note"
    return [Finding("likely_mislabelled", severity, says, advice, tuple(rows))]


def judge(seen: Seen, *, progress: Progress) -> Judged:
    """Every training row (at most MOST_ROWS, drawn by their content) judged by models that were fitted without it."""
    places = draw(seen.rows["train"].keys)
    keys = [seen.rows["train"].keys[place] for place in places]
    examples = taken(seen.train, places)
    groups = group(examples.labels, classes=len(seen.classes))
    planted, turned = plant(keys, examples.labels, groups=groups)
    trial = Examples(examples.ids, examples.texts, examples.pairs, turned)
    with progress.step("search for mislabelled rows", total=FOLDS, unit="folds") as step:
        logits = cross_validated(
            trial, folds(keys, turned, count=FOLDS), classes=len(seen.classes), advance=step.advance
        )
    probabilities = np.exp(logits.astype(np.float64))
    thresholds = confidence_thresholds(probabilities, turned)
    _, margin = confident(probabilities, turned, thresholds)
    likelier, own_margin = confident(probabilities, examples.labels, thresholds)
    suspect, caught, wrong, upper, told = np.zeros(len(examples), dtype=bool), 0, 0.0, 0.0, 0
    for number in range(int(groups.max()) + 1):
        members, of_label = groups[turned] == number, groups[examples.labels] == number
        depth, share = cut(margin[members], planted[members])
        if np.isinf(depth):
            continue
        suspect |= of_label & (own_margin >= depth)
        caught += int((margin[members & planted] >= depth).sum())
        limit = upper_limit(margin[members], planted[members])
        count = int(of_label.sum())
        wrong, upper, told = wrong + share * count, upper + limit * count, told + count
    rows = np.flatnonzero(suspect)
    rows = rows[np.argsort(-own_margin[rows], kind="stable")]
    shares = (wrong / max(told, 1), upper / max(told, 1))
    return Judged(examples, rows.tolist(), likelier[rows].tolist(), int(planted.sum()), caught, told, *shares)


def draw(keys: Sequence[bytes]) -> list[int]:
    """Places of the rows to look at, ascending: those of the lowest keys, which are hashes of the texts."""
    return sorted(sorted(range(len(keys)), key=lambda row: (keys[row], row))[:MOST_ROWS])


def group(labels: Labels, *, classes: int) -> Labels:
    """The group of each class, (C,): wrong labels of one class may lie elsewhere than those of another.

    A class of LEAST_ROWS rows is a group of its own; the smaller ones are one together, or -1, not judged, where they
    have too few rows even so.
    """
    sizes = np.bincount(labels, minlength=classes)
    large = np.flatnonzero(sizes >= LEAST_ROWS)
    groups = np.full(classes, len(large) if sizes[sizes < LEAST_ROWS].sum() >= LEAST_ROWS else -1)
    groups[large] = np.arange(len(large))
    return groups


def plant(keys: Sequence[bytes], labels: Labels, *, groups: Labels) -> tuple[npt.NDArray[np.bool_], Labels]:
    """(which rows have their label turned wrong, the labels after it), both (N,): drawn by the rows' content.

    In each group PLANTED_SHARE of its rows, LEAST_PLANTED at least, come to it from other labels.
    """
    order = sorted(range(len(keys)), key=lambda row: (keys[row][::-1], row))
    turned, planted = labels.copy(), np.zeros(len(keys), dtype=bool)
    for number in range(int(groups.max()) + 1):
        targets = labels[groups[labels] == number]
        left = max(LEAST_PLANTED, round(PLANTED_SHARE * len(targets)))
        for row in order:
            target = targets[int.from_bytes(keys[row][:4]) % len(targets)]
            if left and not planted[row] and target != labels[row]:
                turned[row], planted[row] = target, True
                left -= 1
    return planted, turned


def confidence_thresholds(probabilities: Probabilities, labels: Labels) -> Probabilities:
    """(C,) float64: mean probability of class j over the rows labelled j, infinite where there are none."""
    count, classes = probabilities.shape
    held = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, weights=probabilities[np.arange(count), labels], minlength=classes)
    return np.where(held > 0, sums / np.maximum(held, 1), np.inf)


def confident(probabilities: Probabilities, labels: Labels, thresholds: Probabilities) -> tuple[Labels, Probabilities]:
    """The class that each row is confidently of, or its label, (N,); and by how much that is the more probable, (N,).

    probabilities: (N, C) float64, of models that had not seen the row. The margin is 0 where nothing speaks against the
    label.
    """
    every = np.arange(len(labels))
    eligible = np.where(probabilities >= thresholds, probabilities, -1.0)
    best, own = eligible.argmax(axis=1), probabilities[every, labels]
    likelier = np.where(eligible[every, best] > own, best, labels).astype(np.int64)
    return likelier, probabilities[every, likelier] - own


def cut(margin: Probabilities, planted: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """(margin down to which the suspects of a group are listed, share of its labels that look wrong).

    The planted rows tell how wrong labels spread over the margins. Above any margin the other rows are at least as
    many as the wrong ones among them, so their number there over the share of planted rows there estimates the number
    of wrong ones in all from above; the least such estimate is taken, which is no bound, as it is the least of many.
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
    """An upper limit at LEVEL of the share of a group's labels that are wrong, 0 to 1.

    At the margin that the first half of the planted rows reach, fixed by them alone, the other rows are counted; they
    are divided by the least share of wrong labels that may lie there (Clopper and Pearson 1934). It holds where wrong
    labels spread over the margins as the planted ones do.
    """
    total = int(planted.sum())
    half = -(-total // 2)
    depth = float(np.sort(margin[planted])[::-1][half - 1])
    if depth <= 0:
        return 1.0
    there = margin >= depth
    caught, other = int((there & planted).sum()), int((there & ~planted).sum())
    least, _ = clopper_pearson(caught, total, level=LEVEL)
    return min(1.0, other / int((~planted).sum()) / least)


def _share(judged: Judged) -> str:
    """The share of labels that look wrong, where it says anything."""
    if not judged.share_is_narrow:
        return "What share of the labels is wrong cannot be told: to such models hard texts look the same."
    share = f"{roughly(LEAST_WRONG)} or fewer" if judged.wrong < LEAST_WRONG else roughly(judged.wrong)
    return f"About {share} of {_of(judged)} look wrong to such models."


def _of(judged: Judged) -> str:
    """Of which labels the share speaks: where the trial told nothing of a class, not of all."""
    looked = len(judged.examples)
    if judged.told == looked:
        return "all labels"
    return f"the labels of those classes that a trial could judge ({judged.told:,} of {looked:,} rows)"


def _not_sought(reason: str) -> Finding:
    return Finding("mislabelled_not_sought", "note", f"No mislabelled rows can be named: {reason}.", "Nothing to do.")
