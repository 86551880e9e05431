"""A model, a tokenizer and reviews small enough for a test: random weights, two layers, real formats."""

import csv
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

GOOD = "bright warm lovely clever moving honest superb tender".split()
BAD = "dull cold awful stupid lifeless cheap tired broken".split()
PLAIN = "the a film plot actor scene story music it was and but of with in very quite not".split()
LETTERS = [
    *"abcdefghijklmnopqrstuvwxyz0123456789",
    *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"),
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def save_tokenizer(folder: Path, special: Sequence[str] = SPECIAL) -> int:
    """A BERT-like WordPiece tokenizer over a few words and letters; returns the size of its vocabulary.

    special: the special tokens, in the order of their numbers.
    """
    words = [*special, *GOOD, *BAD, *PLAIN, *LETTERS, *".,!?-'"]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys(words))}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]", model_max_length=64,
    )  # fmt: skip
    tokenizer.save_pretrained(folder)
    return len(vocabulary)


def config(family: str, vocabulary: int, **changes: Any) -> Any:
    """The configuration of a two-layer model with hidden size 32."""
    if family == "bert":
        return transformers.BertConfig(
            vocab_size=vocabulary, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
            max_position_embeddings=64, **changes,
        )  # fmt: skip
    return transformers.DistilBertConfig(
        vocab_size=vocabulary, dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=64, **changes
    )


def save_model(folder: Path, family: str = "bert", *, labels: list[str] | None = None, seed: int = 0) -> Path:
    """A model folder; with `labels` the checkpoint holds a classification head of those names."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = save_tokenizer(folder)
    torch.manual_seed(seed)
    settings = config(family, vocabulary)
    if labels is None:
        model = transformers.AutoModel.from_config(settings)
    else:
        settings.id2label = dict(enumerate(labels))
        settings.label2id = {label: number for number, label in enumerate(labels)}
        model = transformers.AutoModelForSequenceClassification.from_config(settings)
    save_spread(model, folder)
    return folder


def save_spread(model: Any, folder: Path) -> None:
    """Save the model with larger random weights than the usual start, so that texts are distinguished."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)


def disturb(model: Any) -> Any:
    """The model, every trained value of it moved, as training would."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def texts(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """(text, label) rows of unequal length, all different, the labels learnable."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        label = "good" if number % 2 else "bad"
        words = [draw.choice(PLAIN) for _ in range(draw.randint(1, 30))]
        for _ in range(draw.randint(1, 3)):
            words.insert(draw.randint(0, len(words)), draw.choice(GOOD if label == "good" else BAD))
        rows.append((" ".join([*words, str(number)]), label))
    return rows


def save_reviews(path: Path, count: int = 240, seed: int = 0) -> Path:
    """A CSV of reviews."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(texts(count, seed))
    return path


def recipe(model: Path, reviews: Path, **changes: Any) -> dict[str, Any]:
    """A recipe over them that exercises dropout, accumulation and trained biases."""
    training = {
        "epochs": 2, "batch_size": 8, "learning_rate": 5e-3, "base_dropout": 0.1, "token_budget": 96,
        "checkpoint_every": 5, "evaluate_every": 10, "precision": "float32",  # "auto" is decided by a clock
    }  # fmt: skip
    values: dict[str, Any] = {
        "name": "tiny",
        "model": str(model),
        "data": {"source": str(reviews), "text": "text", "label": "label", "validation": 40, "test": 60},
        "max_tokens": 48,
        "seeds": [3],
        "baselines": ["majority", "original", "tfidf", "probe"],
        "training": training | changes.pop("training", {}),
        "candidates": [{"name": "r4", "rank": 4, "bias": "lora_only", "dropout": 0.1}],
    }
    return values | changes
