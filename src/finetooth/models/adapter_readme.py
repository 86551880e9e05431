"""README.md of an adapter folder: what it is, and how plain PEFT loads it."""

import numpy as np
import numpy.typing as npt

from finetooth.models.batching import Input
from finetooth.models.text_model import TextModel
from finetooth.sources import hub_name


def text(trained: TextModel, source: str, *, reference: tuple[str, str, npt.NDArray[np.float32]]) -> str:
    """The README of an adapter, with code for plain PEFT and transformers that says what it prints for one text.

    source: id of the base. reference: the text, a second one for pairs, and their logits (C,).
    """
    first, second, logits = reference
    classes = list(trained.classes)
    settings = trained.input
    name, best = hub_name(source), int(logits.argmax())
    base = "" if name is None else f"base_model: {name}\n"
    origin = "a folder that holds the base model" if name is None else f'"{name}"'
    return f"""---
library_name: peft
{base}pipeline_tag: text-classification
tags: [lora, finetooth]
---
# A LoRA adapter for {len(classes)} classes

Made by Finetooth. Base model: `{source}`.

With Finetooth: `finetooth predict --with THIS_FOLDER "your text"`

With plain PEFT (`BASE` is {origin}, `ADAPTER` this folder). The logits are the same; the label is that of the largest
logit, without what `decision.json` holds (temperature, thresholds, costs, abstention). The comment in its last line
says what it prints. Where it prints something else, `BASE` is not the base of this adapter, or a part of it is missing:

```python
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer, logging

logging.set_verbosity_error()  # else the head is reported MISSING in BASE: it comes with the adapter
labels = {classes!r}
tokenizer = AutoTokenizer.from_pretrained(ADAPTER)
base = AutoModelForSequenceClassification.from_pretrained(
    BASE, num_labels={len(classes)}, dtype=torch.float32, ignore_mismatched_sizes=True
)
base.config.pad_token_id = tokenizer.pad_token_id
model = PeftModel.from_pretrained(base, ADAPTER).eval()
{_batch(settings, first, second)}
with torch.inference_mode():
    logits = model(**batch).logits
best = logits[0].argmax().item()
print(repr(labels[best]), f"{{logits[0, best]:.2f}}")  # for this text: {classes[best]!r} {logits[best]:.2f}
```
"""


def _batch(settings: Input, first: str, second: str) -> str:
    """The lines of the README that turn a text into a batch as it was done in training."""
    inputs = f'"{first}", "{second}"' if settings.pairs else "text"
    lines = [] if settings.pairs else [f'text = "{first}"']
    if settings.truncation == "head":
        lines += [
            f'batch = tokenizer({inputs}, truncation=True, max_length={settings.max_tokens}, return_tensors="pt")'
        ]
    else:
        tail = settings.max_tokens * 3 // 4 + 1  # the closing token and three quarters of the room
        lines += [
            'batch = tokenizer(text, return_tensors="pt")',
            f"if batch.input_ids.shape[1] > {settings.max_tokens}:  # keep a quarter of head and the rest of tail",
            f"    head, tail = {settings.max_tokens - tail}, {tail}",
            "    batch = {key: torch.cat([value[:, :head], value[:, -tail:]], dim=1) for key, value in batch.items()}",
        ]
    return "\n".join(lines)
