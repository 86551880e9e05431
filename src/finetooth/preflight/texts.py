"""Texts that say nothing, and texts that are longer than the model is given."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetooth.preflight.data_finding import OF_SPLIT, SPLITS, Finding, Row, Severity
from finetooth.preflight.data_view import Seen
from finetooth.wording import counted, roughly

MANY_ROWS, MANY_TOKENS = 0.25, 0.1  # shares that are cut: from here on worth a warning


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of the N rows of a split, or of those that were looked at. whole, kept: (N,) int64, before and after."""

    ids: tuple[str, ...]
    whole: npt.NDArray[np.int64]
    kept: npt.NDArray[np.int64]


def blank(seen: Seen) -> list[Finding]:
    """A finding for each split with texts in which nothing is to be seen."""
    return list(_blank(seen))


def cut(lengths: Mapping[str, Lengths], *, pairs: bool = False) -> list[Finding]:
    """One finding on all splits' rows that are cut to max_tokens, the longest named first."""
    rows = [
        (int(whole), Row(row_id, split, f"shorten: {whole:,} tokens, {kept:,} kept"))
        for split, found in lengths.items()
        for row_id, whole, kept in zip(found.ids, found.whole.tolist(), found.kept.tolist(), strict=True)
        if whole > kept
    ]
    if not rows:
        return []
    shares = []
    severity: Severity = "note"
    for split in SPLITS:
        found = lengths.get(split)
        if found is not None and (found.whole > found.kept).any():
            of_rows = float((found.whole > found.kept).mean())
            of_tokens = float((found.whole - found.kept).sum() / found.whole.sum())
            shares.append(f"{roughly(of_rows)} of the {OF_SPLIT[split]} rows and {roughly(of_tokens)} of their tokens")
            severity = "warn" if of_rows >= MANY_ROWS or of_tokens >= MANY_TOKENS else severity
    most = max(int(found.kept.max()) for found in lengths.values())
    whole = "; ".join(shares)
    says = f"Cut at {most:,} tokens: {whole}."
    ends = "" if pairs else ", or keep both ends of a text: truncation: head_tail"
    advice = f"Raise max_tokens if the model has room for more{ends}."
    rows.sort(key=lambda item: (-item[0], SPLITS.index(item[1].split), item[1].id))
    return [Finding("cut_texts", severity, says, advice, tuple(row for _, row in rows))]


def _blank(seen: Seen) -> Iterator[Finding]:
    for split in SPLITS:
        found = seen.rows[split]
        blank = np.flatnonzero(found.blank).tolist()
        if not blank:
            continue
        if len(blank) == len(found) and split == "train":
            says = f"All {len(found):,} training texts are blank."
            yield Finding("empty_texts", "stop", says, "Check data.text: it may name the wrong column.")
            continue
        says = f"{counted(len(blank), f'{OF_SPLIT[split]} text')} {'is' if len(blank) == 1 else 'are'} blank."
        if split == "test":
            advice, action = "Each is a guess in every figure. Finetooth never alters a test set.", "know of it: blank"
        else:
            advice, action = "Nothing can be learnt from them: fill them in, or remove them.", "remove: blank"
        rows = tuple(Row(found.ids[row], split, action) for row in blank)
        yield Finding("empty_texts", "warn", says, advice, rows)
