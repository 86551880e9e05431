"""Findings on blank texts, and on texts that are longer than max_tokens."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finetooth.preflight.data_finding import OF_SPLIT, SPLITS, Finding, FlaggedRow, Severity
from finetooth.preflight.data_view import DataView
from finetooth.wording import counted, roughly

MANY_ROWS, MANY_TOKENS = 0.25, 0.1  # shares that are cut, from which a warning is due


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths of N rows of a split. tokens, used_tokens: (N,) int64, of the text, and after it is cut to max_tokens."""

    ids: tuple[str, ...]
    tokens: npt.NDArray[np.int64]
    used_tokens: npt.NDArray[np.int64]


def cut(lengths: Mapping[str, Lengths], *, pairs: bool = False) -> list[Finding]:
    """One finding on the rows of all splits that are cut to max_tokens, the longest first."""
    rows: list[tuple[int, FlaggedRow]] = []
    shares = []
    severity: Severity = "note"
    for split in [split for split in SPLITS if split in lengths]:
        ids, tokens, used_tokens = lengths[split].ids, lengths[split].tokens, lengths[split].used_tokens
        is_cut = tokens > used_tokens
        if not is_cut.any():
            continue
        of_rows, of_tokens = float(is_cut.mean()), float((tokens - used_tokens).sum() / tokens.sum())
        shares.append(f"{roughly(of_rows)} of the {OF_SPLIT[split]} rows and {roughly(of_tokens)} of their tokens")
        severity = "warn" if of_rows >= MANY_ROWS or of_tokens >= MANY_TOKENS else severity
        for row in np.flatnonzero(is_cut).tolist():
            advice = f"shorten: {tokens[row]:,} tokens, {used_tokens[row]:,} kept"
            rows.append((int(tokens[row]), FlaggedRow(ids[row], split, advice)))
    if not rows:
        return []
    most = max(int(split_lengths.used_tokens.max()) for split_lengths in lengths.values())
    says = f"Cut at {most:,} tokens: {'; '.join(shares)}."
    ends = "" if pairs else ", or keep both ends of a text: truncation: head_tail"
    advice = f"Raise max_tokens if the model allows it{ends}."
    rows.sort(key=lambda item: (-item[0], SPLITS.index(item[1].split), item[1].id))
    return [Finding("cut_texts", severity, says, advice, tuple(row for _, row in rows))]


def blank(view: DataView) -> Iterator[Finding]:
    """A finding for each split with texts that have no visible character."""
    for split in SPLITS:
        rows_view = view.splits[split]
        blank = np.flatnonzero(rows_view.blank).tolist()
        if not blank:
            continue
        if len(blank) == len(rows_view) and split == "train":
            says = f"All {len(rows_view):,} training texts are blank."
            yield Finding("empty_texts", "stop", says, "Check data.text: it may name the wrong column.")
            continue
        says = f"{counted(len(blank), f'{OF_SPLIT[split]} text is', f'{OF_SPLIT[split]} texts are')} blank."
        if split == "test":
            advice = "A model can only guess their labels. Finetooth never changes a test set."
            action = "for information: blank"
        else:
            advice, action = "A model learns nothing from them: fill them in, or remove them.", "remove: blank"
        rows = tuple(FlaggedRow(rows_view.ids[row], split, action) for row in blank)
        yield Finding("empty_texts", "warn", says, advice, rows)
