"""config.json of a base model: for each family the keys that reach transformers, and the keys that are refused.

Every other key is ignored: real files have dozens that have no effect here (transformers_version, torch_dtype,
gradient_checkpointing, task_specific_params, ...).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from finetooth.families import Family, family_of_type
from finetooth.rules import (
    Problem,
    Rule,
    check_table,
    either,
    flag,
    integer,
    mapping,
    number,
    of_mapping,
    one_of,
    optional,
    text,
)
from finetooth.untrusted.code_keys import check_code
from finetooth.untrusted.tokenizer_files import tokenizer_class
from finetooth.wording import short

MOST_LABELS = 100_000


def _label_numbers(value: Any) -> str | None:
    """id2label: its keys are the numbers 0 to N - 1, as text."""
    if not isinstance(value, dict) or not 0 < len(value) <= MOST_LABELS:
        return f"a mapping of 1 to {MOST_LABELS:,} labels"
    if {str(key) for key in value} != {str(number) for number in range(len(value))}:
        return "a mapping with the keys '0' to 'N - 1'"
    return mapping(text(), _LABEL, MOST_LABELS)(value)


_LABEL: Rule = either(text(), either(integer(-(2**53), 2**53), either(number(-1e300, 1e300), flag)))
_COMMON: dict[str, Rule] = {
    "tokenizer_class": optional(tokenizer_class),
    "vocab_size": integer(1, 10_000_000),
    "max_position_embeddings": integer(1, 1_000_000),
    "initializer_range": number(0.0, 10.0),
    "pad_token_id": optional(integer(-1, 10_000_000)),
    "id2label": optional(_label_numbers),
    "num_labels": optional(integer(1, MOST_LABELS)),
}
# transformers does not accept whole numbers here.
_FLOATS = ("initializer_range", "layer_norm_eps")

# Keys that can change what the same tensors compute, each with the values that do not.
_IDLE = {
    "position_embedding_type": one_of(None, "absolute"),
    "is_decoder": one_of(None, False),
    "is_encoder_decoder": one_of(None, False),
    "add_cross_attention": one_of(None, False),
    "pruned_heads": one_of(None, {}),
    "per_layer_config": one_of(None, {}),
    "quantization_config": one_of(None),
    "compression_config": one_of(None),
    "fusion_config": one_of(None),
    "transformers_weights": one_of(None),
}


@of_mapping
def check_model_config(value: dict[str, Any]) -> Iterator[Problem]:
    """Check a config.json; of an unsupported family, only the keys that choose code.

    Loading refuses such a family; only the doctor reads its config.json.
    """
    yield from check_code(value)
    family = family_of_type(value.get("model_type"))
    if family is None:
        return
    yield from check_table(_named(value, family), {**_COMMON, **family.config})
    for key, idle in _IDLE.items():
        if key in value and idle(value[key]):
            yield Problem(
                key, "value", f"key {key!r} is {short(value[key])}, which would change what the model computes.",
                " It is not supported.",
            )  # fmt: skip


def model_settings(value: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments of the family's configuration class from a checked config.json."""
    family = family_of_type(value["model_type"])
    assert family is not None  # it was checked
    values = _named(value, family)
    settings = {key: values[key] for key in {**_COMMON, **family.config} if key in values}
    labels, count = settings.pop("id2label", None), settings.pop("num_labels", None)
    if labels is None and count is not None:
        settings["num_labels"] = count
    elif labels is not None:
        settings["id2label"] = {int(number): str(label) for number, label in labels.items()}
        settings["label2id"] = {label: number for number, label in settings["id2label"].items()}
    return settings | {key: float(settings[key]) for key in _FLOATS if key in settings}


def _named(value: Mapping[str, Any], family: Family) -> dict[str, Any]:
    return {family.key(key): inner for key, inner in value.items()}
