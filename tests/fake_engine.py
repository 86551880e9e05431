"""An engine of numpy alone, and a tokenizer of words for it: prediction is tested with them, without torch."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from finetooth.models.batching import Input, evaluation_batches
from finetooth.models.engine import Batch
from finetooth.models.predictor import Predictor

CLASSES = ("bad", "good", "so-so")
WORDS = [f"w{number}" for number in range(50)]
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
VOCABULARY = len(_SPECIAL) + len(WORDS)


@dataclass
class FakeEngine:
    """Logits are a sum over the tokens of an example; each token, its place and its segment have a part in them.

    threads: as Engine.threads. before: called with each batch. sizes: (B, L) of each batch that was computed.
    prepared: the threads that were made ready.
    """

    threads: int = 0
    before: Callable[[Batch], None] = lambda batch: None
    sizes: list[tuple[int, ...]] = field(default_factory=list)
    prepared: list[int] = field(default_factory=list)

    outputs = len(CLASSES)

    def prepare_thread(self) -> None:
        """Note the thread."""
        self.prepared.append(threading.get_ident())

    def batches(self, lengths: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
        """Batches of at most 128 tokens with padding."""
        return evaluation_batches(lengths, 128)

    def logits(self, batch: Batch) -> npt.NDArray[np.float32]:
        """Logits (B, C) float32."""
        self.before(batch)
        self.sizes.append(batch.ids.shape)
        table = np.random.default_rng(7).normal(size=(VOCABULARY, self.outputs))
        places = np.cos(np.arange(batch.ids.shape[1]))
        types = np.zeros_like(batch.ids) if batch.types is None else batch.types
        weights = batch.mask * (1 + 0.3 * places + 0.5 * types)
        sums = (table[batch.ids] * weights[:, :, None]).sum(axis=1)
        return (sums / np.maximum(batch.lengths, 1)[:, None]).astype(np.float32)


@dataclass(frozen=True)
class WordTokenizer:
    """What a predictor needs of a tokenizer."""

    backend_tokenizer: Tokenizer
    pad_token_id: int = 0


def word_tokenizer() -> WordTokenizer:
    """A tokenizer of the words w0 to w49."""
    backend = Tokenizer(models.WordLevel({word: n for n, word in enumerate([*_SPECIAL, *WORDS])}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return WordTokenizer(backend)


def texts(count: int, *, seed: int = 0, most: int = 30) -> list[str]:
    """Texts of 1 to `most` words."""
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(WORDS, draw.integers(1, most + 1))) for _ in range(count)]


def predictor(engine: FakeEngine | None = None, *, pairs: bool = False, **settings: Any) -> Predictor:
    """A predictor of the fake engine."""
    reads = Input(24, "head", pairs=pairs)
    return Predictor(engine or FakeEngine(), word_tokenizer(), CLASSES, reads, "c", **settings)
