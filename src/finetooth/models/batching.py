"""The tokens of texts, and how rows become micro-batches.

N examples, T tokens of all of them together, B rows of a micro-batch, L tokens of its longest row.
"""

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from finetooth.errors import DataError, ModelError
from finetooth.models.checked import refused
from finetooth.models.engine import Batch

if TYPE_CHECKING:  # tokens are made and read without torch
    import torch

# A micro-batch of any size costs about as much as this many tokens in addition. Measured for training MiniLM-L6 on two
# idle cores: 256 tokens take 147 ms and 1,024 take 445, so 48 ms and 0.39 ms a token (benchmarks/step_costs.py).
OVERHEAD_TOKENS = 128
# Attention over a row of this many hidden sizes takes as long as the row's products (profile of MiniLM-L6, two cores).
ATTENTION_WIDTHS = 1.7
_CHUNK = 1000
MOST_GROUPED = 64  # the most rows that are considered for one group, so that the search stays short

# The most tokens of a micro-batch of the model's own pass, with padding.
EVALUATION_BUDGET = 4096

# Inference without padding: so many rows are sorted by length together and cut into micro-batches.
INFERENCE_WINDOW = 4096
# The most tokens of a micro-batch. In a window of few tokens it is a share of them, so that every thread has work, but
# not below the least.
INFERENCE_TOKENS, LEAST_INFERENCE_TOKENS, INFERENCE_SHARES = 1024, 128, 32

Truncation = Literal["head", "head_tail"]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of N texts.

    ids: (T,) int32, row after row. starts: (N + 1,) int64, where each row begins, and the end. types: (T,) uint8, the
    segment of a pair, None for single texts. whole_lengths: (N,) int64, tokens of each row before it was cut. lengths:
    (N,) int64, tokens of each row.
    """

    ids: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    types: npt.NDArray[np.uint8] | None
    whole_lengths: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lengths", np.diff(self.starts))

    def take(self, rows: Rows) -> "Tokens":
        """The tokens of some rows, in their order."""
        parts = [slice(self.starts[row], self.starts[row + 1]) for row in rows]
        starts = np.concatenate([[0], np.cumsum(self.lengths[rows])])
        types = None if self.types is None else np.concatenate([self.types[part] for part in parts])
        return Tokens(np.concatenate([self.ids[part] for part in parts]), starts, types, self.whole_lengths[rows])

    def save(self, folder: Path) -> None:
        """Write one .npy file for each array."""
        for name in ("ids", "starts", "whole_lengths", *(() if self.types is None else ("types",))):
            np.save(folder / f"{name}.npy", getattr(self, name))

    @classmethod
    def open(cls, folder: Path) -> "Tokens":
        """The tokens in `folder`, memory-mapped."""
        types = folder / "types.npy"
        return cls(
            np.load(folder / "ids.npy", mmap_mode="r", allow_pickle=False),
            np.load(folder / "starts.npy", allow_pickle=False),
            np.load(types, mmap_mode="r", allow_pickle=False) if types.exists() else None,
            np.load(folder / "whole_lengths.npy", allow_pickle=False),
        )


@dataclass(frozen=True, slots=True)
class Input:
    """How a text becomes tokens: the same in training, verification and prediction."""

    max_tokens: int
    truncation: Truncation
    pairs: bool

    def tokenize(
        self, tokenizer: Any, texts: Sequence[str], pairs: Sequence[str] | None = None, *, name: str
    ) -> Tokens:
        """Tokens of texts, or of texts and their pairs.

        name: of the model, for messages. Raises: DataError, as check_pairs.
        """
        self.check_pairs(pairs is not None, name=name)
        return tokenize(tokenizer, texts, pairs, max_tokens=self.max_tokens, truncation=self.truncation)

    def check_pairs(self, paired: bool, *, name: str) -> None:
        """Check that a model of pairs gets pairs, and a model of single texts single texts. Raises: DataError."""
        if self.pairs != paired:
            pair = "pairs of texts; give predict first and second texts, predict(firsts, seconds)"
            needed = pair if self.pairs else "single texts; leave the second texts out"
            raise DataError(f"{name} was trained on {needed}.")


def tokenize(
    tokenizer: Any,
    texts: Sequence[str],
    pairs: Sequence[str] | None = None,
    *,
    max_tokens: int,
    truncation: Truncation = "head",
    advance: Callable[[int], None] = lambda count: None,
) -> Tokens:
    """Tokens of each text (with its pair), special tokens included, at most `max_tokens` a row.

    truncation: head keeps what transformers keeps (of pairs, the longer text is cut first); head_tail keeps a quarter
    from the beginning and the rest from the end (Sun et al. 2019). advance: called with the number of texts of each
    chunk. Raises: ModelError for head_tail with pairs.
    """
    if pairs is not None and truncation == "head_tail":
        raise ModelError("truncation: head_tail is for single texts; for pairs use head.")
    backend = bare_backend(tokenizer)
    ids: list[npt.NDArray[np.int32]] = []
    types: list[npt.NDArray[np.uint8]] = []
    full_lengths: list[int] = []
    for start in range(0, len(texts), _CHUNK):
        chunk: list[Any] = list(texts[start : start + _CHUNK])
        if pairs is not None:
            chunk = list(zip(chunk, pairs[start : start + _CHUNK], strict=True))
        for encoded in encode(backend, chunk):
            full_lengths.append(len(encoded.ids))
            if len(encoded.ids) <= max_tokens:
                keep = np.arange(len(encoded.ids))
            elif pairs is None:
                keep = _cut_text(encoded, max_tokens, truncation)
            else:
                keep = _cut_pair(encoded, max_tokens)
            ids.append(np.asarray(encoded.ids, np.int32)[keep])
            if pairs is not None:
                types.append(np.asarray(encoded.type_ids, np.uint8)[keep])
        advance(len(chunk))
    starts = np.zeros(len(ids) + 1, np.int64)
    np.cumsum([len(row) for row in ids], out=starts[1:])
    return Tokens(
        np.concatenate(ids) if ids else np.empty(0, np.int32),
        starts,
        np.concatenate(types) if types else None,
        np.asarray(full_lengths, np.int64),
    )


def bare_backend(tokenizer: Any) -> Any:
    """The tokenizers.Tokenizer of `tokenizer` without padding and truncation: its own if it has neither, else a copy.

    Padding and truncation are state of that object. It is never changed, since others may use it at the same time.
    """
    backend = tokenizer.backend_tokenizer
    if backend.padding is None and backend.truncation is None:
        return backend
    copied = copy.deepcopy(backend)
    copied.no_padding()
    copied.no_truncation()
    return copied


def _cut_text(encoded: Any, max_tokens: int, truncation: Truncation) -> Rows:
    """Positions to keep of a text that is too long: special tokens at both ends, and the head, or head and tail."""
    count = len(encoded.ids)
    special = np.asarray(encoded.special_tokens_mask, bool)
    closing = int(np.argmin(special[::-1])) if not special.all() else 0
    tail = closing if truncation == "head" else closing + (max_tokens * 3) // 4
    tail = min(tail, max_tokens - 1)
    return np.concatenate([np.arange(max_tokens - tail), np.arange(count - tail, count)])


def _cut_pair(encoded: Any, max_tokens: int) -> Rows:
    """Positions to keep of a pair that is too long: the special tokens, and the beginning of each text.

    The lengths are those of strategy longest_first of the tokenizers library.
    """
    text = np.asarray([-1 if number is None else number for number in encoded.sequence_ids])  # -1: a special token
    first, second = np.flatnonzero(text == 0), np.flatnonzero(text == 1)
    room = max(0, max_tokens - int((text == -1).sum()))
    shorter, longer = sorted((len(first), len(second)))
    longer = max(shorter, room - shorter)
    if shorter + longer > room:  # both are cut, to halves
        shorter, longer = room // 2, room - room // 2
    lengths = (shorter, longer) if len(first) <= len(second) else (longer, shorter)
    return np.sort(np.concatenate([np.flatnonzero(text == -1), first[: lengths[0]], second[: lengths[1]]]))


def encode(backend: Any, texts: list[Any]) -> list[Any]:
    """What the tokenizers library makes of texts, or of pairs of them.

    Raises: ModelError if it cannot, as with a vocabulary that lacks the token for unknown words.
    """
    with refused("the base model: the tokenizer cannot read the texts"):
        encoded: list[Any] = backend.encode_batch(texts)
    return encoded


def evaluation_batches(lengths: npt.NDArray[np.int64], budget: int) -> list[Rows]:
    """All rows, longest first, in micro-batches of at most `budget` tokens with padding.

    Equal arguments give equal plans: the last bit of a logit depends on the batch it was computed in, so logits can be
    compared only under equal plans.
    """
    ordered = np.argsort(-lengths, kind="stable")
    batches = []
    start = 0
    while start < len(ordered):
        rows = max(1, budget // max(1, int(lengths[ordered[start]])))
        batches.append(ordered[start : start + rows])
        start += rows
    return batches


def inference_batches(lengths: npt.NDArray[np.int64]) -> list[Rows]:
    """All rows in micro-batches without padding, each in ascending order of length; equal lengths give equal plans.

    Each window of INFERENCE_WINDOW consecutive rows is sorted by itself, longest first, so that rows of one length come
    together, and cut into micro-batches of at most INFERENCE_TOKENS; a window of few tokens is cut into smaller ones,
    so that every worker has some.
    """
    plan = []
    for start in range(0, len(lengths), INFERENCE_WINDOW):
        sizes = lengths[start : start + INFERENCE_WINDOW]
        most = min(INFERENCE_TOKENS, max(LEAST_INFERENCE_TOKENS, int(sizes.sum()) // INFERENCE_SHARES))
        ordered = np.argsort(-sizes, kind="stable")
        bounds, filled = [0], 0
        for position, size in enumerate(sizes[ordered].tolist()):
            if filled and filled + size > most:
                bounds.append(position)
                filled = 0
            filled += size
        plan += [ordered[begin:end][::-1] + start for begin, end in itertools.pairwise([*bounds, len(ordered)])]
    return plan


def micro_batches(rows: Rows, lengths: npt.NDArray[np.int64], budget: int) -> list[Rows]:
    """One optimizer batch, split by length into the micro-batches that cost least, each of at most `budget` tokens.

    The batch keeps its examples. The cost is the number of tokens with padding, and OVERHEAD_TOKENS for each
    micro-batch. A row longer than the budget is a micro-batch of its own.
    """
    ordered = rows[np.argsort(lengths[rows], kind="stable")]
    sizes = [int(lengths[row]) for row in ordered]
    bounds = cheapest(
        sizes,
        lambda count, longest: count * longest + OVERHEAD_TOKENS,
        allowed=lambda count, longest: count * longest <= budget,
    )
    return [ordered[start:end] for start, end in bounds]


def packed_batches(
    rows: Rows, lengths: npt.NDArray[np.int64], budget: int, *, concurrent: int = 1, width: int = 1
) -> list[Rows]:
    """One optimizer batch in micro-batches without padding, `concurrent` at a time with `budget` tokens together.

    The micro-batches are as few as the budget allows and of about equal cost; the costliest comes first, and each is in
    ascending order of length. A row longer than its share of the budget is a micro-batch of its own. width: hidden size
    of the model. Source: Graham 1969, longest processing time first: each row, the costliest first, goes to the part
    with the least cost so far.
    """
    ordered = rows[np.argsort(-lengths[rows], kind="stable")]
    costs = lengths[ordered] * (1 + lengths[ordered] / (ATTENTION_WIDTHS * width))
    count = concurrent * -(-int(lengths[rows].sum()) // budget)
    while (parts := _shared_out(ordered, lengths[ordered], costs, min(count, len(rows)), budget // concurrent)) is None:
        count += concurrent * max(1, count // (8 * concurrent))  # an eighth more, so that large batches need few tries
    return parts


def _shared_out(
    rows: Rows, sizes: npt.NDArray[np.int64], costs: npt.NDArray[np.float64], count: int, most_tokens: int
) -> list[Rows] | None:
    """Rows, the costliest first, in `count` parts of at most `most_tokens`; None if they do not fit."""
    if count == len(rows):
        return [rows[number : number + 1] for number in range(count)]
    tokens, spent = np.zeros(count, np.int64), np.zeros(count)
    members: list[list[int]] = [[] for _ in range(count)]
    for row, size, cost in zip(rows, sizes, costs, strict=True):
        free = np.flatnonzero((tokens + size <= most_tokens) | (tokens == 0))
        if not len(free):
            return None
        part = free[np.argmin(spent[free])]
        members[part].append(int(row))
        tokens[part] += size
        spent[part] += cost
    return [np.asarray(members[part][::-1], np.int64) for part in np.argsort(-spent, kind="stable") if members[part]]


def cheapest(
    sizes: Sequence[int],
    cost: Callable[[int, int], float],
    *,
    allowed: Callable[[int, int], bool],
) -> list[tuple[int, int]]:
    """The groups, start to end, of rows in ascending order of size, whose summed cost is least.

    cost, allowed: functions of a group's number of rows and its longest row; one row alone is always allowed. Solved by
    dynamic programming over the start of the last group.
    """
    least = [0.0] + [float("inf")] * len(sizes)
    begins = [0] * (len(sizes) + 1)
    for end in range(1, len(sizes) + 1):
        for start in range(end - 1, -1, -1):
            count, longest = end - start, sizes[end - 1]
            if count > 1 and not allowed(count, longest):
                break
            total = least[start] + cost(count, longest)
            if total < least[end]:
                least[end], begins[end] = total, start
    groups, end = [], len(sizes)
    while end:
        groups.append((begins[end], end))
        end = begins[end]
    return groups[::-1]


def batch_of(tokens: Tokens, rows: Rows, *, pad_id: int) -> Batch:
    """Some rows of `tokens` as a batch, in their order, padded at the end with pad_id."""
    starts, ends = tokens.starts[rows], tokens.starts[rows + 1]
    longest = int((ends - starts).max(initial=0))
    ids = np.full((len(rows), longest), pad_id, np.int64)
    mask = np.zeros((len(rows), longest), np.int64)
    types = None if tokens.types is None else np.zeros((len(rows), longest), np.int64)
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        ids[number, : end - start] = tokens.ids[start:end]
        mask[number, : end - start] = 1
        if types is not None and tokens.types is not None:
            types[number, : end - start] = tokens.types[start:end]
    return Batch(ids, mask, types)


def tensors_of(batch: Batch) -> "dict[str, torch.Tensor]":
    """A batch as transformers takes it: input_ids and attention_mask (B, L) int64, and token_type_ids for pairs."""
    import torch

    tensors = {"input_ids": torch.from_numpy(batch.ids), "attention_mask": torch.from_numpy(batch.mask)}
    if batch.types is not None:
        tensors["token_type_ids"] = torch.from_numpy(batch.types)
    return tensors


def collate(tokens: Tokens, rows: Rows, *, pad_id: int) -> "dict[str, torch.Tensor]":
    """A micro-batch as transformers takes it, padded at the end; see batch_of and tensors_of."""
    return tensors_of(batch_of(tokens, rows, pad_id=pad_id))
