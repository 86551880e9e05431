"""Hidden states below the first adapted layer: computed once, on disk for epochs, candidates, seeds and scoring.

FOLDER/key.json       what decides them: base, tokens, depth, plan of the blocks, machine; another key discards all
FOLDER/states.f32     (T, H) float32, block after block; a block is a micro-batch of the evaluation's plan
FOLDER/blocks.jsonl   a line for each block written: its number and SHA-256; the last line of a number counts

A state that is computed in a batch with other texts differs by rounding (3e-6), so a missing or damaged block is
computed again as a whole. An evaluation reads whole blocks: its logits are bitwise those without the cache.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from finetooth.errors import DivergedError, ModelError, RunError
from finetooth.files import discard, read_json, write_json
from finetooth.models.adapters import encoder_layers, without_adapter
from finetooth.models.batching import Rows, Tokens, collate, evaluation_batches

RESUMED_TOLERANCE = 1e-4  # largest difference of a logit


def count_blocks(lengths: npt.NDArray[np.int64], *, width: int, budget: int, most_bytes: int) -> tuple[int, int]:
    """How many blocks of the plan, longest texts first, fit into most_bytes, and how many bytes they need."""
    count = total = 0
    for rows in evaluation_batches(lengths, budget):
        size = int(lengths[rows].sum()) * width * 4
        if total + size > most_bytes:
            break
        count, total = count + 1, total + size
    return count, total


class FrozenLayerCache:
    """The states at the entry of layer `depth`, of the rows in the first `blocks` blocks of a split."""

    def __init__(
        self, folder: Path, tokens: Tokens, *, depth: int, width: int, budget: int, blocks: int, key: dict[str, Any]
    ) -> None:
        self.depth, self.width, self.tokens = depth, width, tokens
        self.blocks = evaluation_batches(tokens.lengths, budget)[:blocks]
        lengths = tokens.lengths
        order = np.concatenate(self.blocks) if self.blocks else np.empty(0, np.int64)
        self._begins = np.full(len(lengths), -1, np.int64)  # where each row begins, in tokens
        self._begins[order] = np.cumsum(lengths[order]) - lengths[order]
        folder.mkdir(parents=True, exist_ok=True)
        key_file = folder / "key.json"
        if _read_key(key_file) != key:
            for item in folder.iterdir():
                discard(item)
            write_json(key_file, key)
        self._index, self._states = folder / "blocks.jsonl", folder / "states.f32"
        self._states.touch()

    def fill(self, model: Any, *, pad_id: int, advance: Callable[[int, int], None]) -> int:
        """Compute the blocks that are missing or damaged, and return their number.

        advance(done, total): called before each block; what it raises ends the work, and written blocks stay valid.
        Raises: ModelError if the upper layers make other logits of the states than all layers together;
        DivergedError if a logit is not finite.
        """
        missing, training = self.missing(), model.training
        model.eval()
        try:
            if missing:  # its passes are discarded: the first of a process may differ in its last bits (ADR 5)
                _check_resumed(model, self.depth, collate(self.tokens, self.blocks[missing[0]], pad_id=pad_id))
            with _below(model, self.depth) as lower:
                for done, number in enumerate(missing):
                    advance(done, len(missing))
                    padded = lower(collate(self.tokens, self.blocks[number], pad_id=pad_id))
                    lengths = self.tokens.lengths[self.blocks[number]]
                    self.write(number, torch.cat([part[:length] for part, length in zip(padded, lengths, strict=True)]))
        finally:
            model.train(training)
        return len(missing)

    def missing(self) -> list[int]:
        """The numbers of the blocks that are missing or damaged."""
        recorded = self._recorded_hashes()
        return [number for number, rows in enumerate(self.blocks) if recorded.get(number) != self._hash(rows)]

    def write(self, number: int, states: torch.Tensor) -> None:
        """Write a block: the states (T, H) float32 of its rows, end to end."""
        rows = self.blocks[number]
        with self._states.open("r+b") as file:
            file.seek(self._offset(rows[0]))
            file.write(np.ascontiguousarray(states.numpy()).data)
        line = json.dumps({"block": number, "sha256": self._hash(rows)})
        with self._index.open("a", encoding="utf-8") as index:
            index.write(f"\n{line}\n")  # on a line of its own, after what a kill cut short

    def holds(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Whether the cache has the states of each of the rows (B,): (B,) bool."""
        return np.asarray(self._begins[rows] >= 0)

    def read(self, rows: Rows) -> torch.Tensor:
        """The states of rows that the cache has, end to end: (T, H) float32.

        The file is not mapped: pages of a map would count as this process's memory, and a file cut short would kill it.
        """
        lengths = self.tokens.lengths[rows]
        states = np.empty((int(lengths.sum()), self.width), np.float32)
        end = 0
        try:
            file = self._states.open("rb", buffering=0)  # its own: other threads read at other places
        except FileNotFoundError:
            raise self._changed_in_use("removed") from None
        with file:
            for row, length in zip(rows, lengths, strict=True):
                start, end = end, end + int(length)
                file.seek(self._offset(row))
                if (file.readinto(states[start:end].data.cast("B")) or 0) < states[start:end].nbytes:
                    raise self._changed_in_use("cut short")
        return torch.from_numpy(states)

    def _changed_in_use(self, change: str) -> RunError:
        return RunError(
            f"{self._states}: the frozen-layer cache was {change} while in use. Run the same command again to continue."
        )

    def _offset(self, row: int) -> int:
        return int(self._begins[row]) * self.width * 4

    def _hash(self, rows: Rows) -> str:
        with self._states.open("rb") as file:
            file.seek(self._offset(rows[0]))
            return hashlib.sha256(file.read(int(self.tokens.lengths[rows].sum()) * self.width * 4)).hexdigest()

    def _recorded_hashes(self) -> dict[int, str]:
        hashes: dict[int, str] = {}
        text = self._index.read_text(encoding="utf-8", errors="replace") if self._index.is_file() else ""
        for line in text.splitlines():
            try:
                value = json.loads(line)
                hashes[int(value["block"])] = str(value["sha256"])
            except (ValueError, KeyError, TypeError):
                continue  # a line cut short by a kill, or damaged: its block is computed again
        return hashes


def _read_key(file: Path) -> Any:
    """The key of the states in a folder; None if it cannot be read, so that the states are discarded."""
    try:
        return read_json(file) if file.is_file() else None
    except RunError:
        return None


@contextmanager
def _below(model: Any, depth: int) -> Iterator[Callable[[dict[str, torch.Tensor]], torch.Tensor]]:
    """A function from a padded micro-batch to its states (B, L, H) at the entry of layer `depth`."""
    with _layers(model, lambda layers: layers[:depth]) as base, torch.inference_mode():
        yield lambda batch: base.base_model(**batch).last_hidden_state


@contextmanager
def entered(model: Any, depth: int) -> Iterator["Entry"]:
    """A block in which one module replaces the first `depth` layers. It computes them, or returns known states."""
    entry: list[Entry] = []

    def replaced(layers: Sequence[nn.Module]) -> list[nn.Module]:
        entry.append(Entry(layers[:depth]))
        return [entry[0], *layers[depth:]]

    with _layers(model, replaced):
        yield entry[0]


def _check_resumed(model: Any, depth: int, batch: dict[str, torch.Tensor]) -> None:
    """Check that known states of the first `depth` layers lead to the logits of the plain pass.

    Raises: ModelError if they do not, as with a model that has a norm after its last layer; DivergedError for a logit
    that is not finite.
    """
    with _below(model, depth) as lower:
        states = lower(batch)
    with torch.inference_mode():
        plain = model(**batch).logits
        with entered(model, depth) as entry:
            entry.states = states
            resumed = model(**batch).logits
    if not torch.isfinite(plain).all():
        raise DivergedError(
            "a logit of the base model is not finite, so one of its weights is damaged. Download it again, or name "
            "another model."
        )
    difference = float((resumed - plain).abs().max())
    if not difference <= RESUMED_TOLERANCE:
        raise ModelError(
            f"the base model: the stored states of its first {depth} layers do not lead to its logits (they differ by "
            f"{difference:.2g}), so they cannot be used. Set training.cache_bytes: 0."
        )


class Entry(nn.Module):
    """The first layers of an encoder, or their known result. states: (B, L, H), or None to compute them."""

    states: torch.Tensor | None

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers, self.states = nn.ModuleList(layers), None

    def forward(self, hidden: torch.Tensor, *rest: Any, **named: Any) -> torch.Tensor:
        """The output of the layers for `hidden`, or the known states."""
        if self.states is not None:
            return self.states
        for layer in self.layers:
            hidden = layer(hidden, *rest, **named)
        return hidden


@contextmanager
def _layers(model: Any, change: Callable[[Sequence[nn.Module]], Sequence[nn.Module]]) -> Iterator[Any]:
    """The model without its adapter's wrapper; its list of encoder layers is changed while the block runs."""
    base = without_adapter(model)
    stack, _ = encoder_layers(base)
    parent, _, leaf = stack.rpartition(".")
    holder, layers = base.get_submodule(parent), base.get_submodule(stack)
    setattr(holder, leaf, nn.ModuleList(change(list(layers))))
    try:
        yield base
    finally:
        setattr(holder, leaf, layers)
