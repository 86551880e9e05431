"""Model families, recognised by the names of the layers that an adapter changes: those supported, and others.

Source: the module names of transformers 5 (modeling_*.py). Saved tensors bear these names, so they do not change.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from finetooth import families
from finetooth.families import bert_layers

# Linear layers outside the encoder layers. In every family whose encoder layers have biases, these have them too.
_BIASED_BESIDE = re.compile(r"(.*\.)?(pooler(\.dense)?|pre_classifier|classifier(\.(dense|out_proj))?)")


@dataclass(frozen=True, slots=True)
class KnownLayers:
    """title: for messages. layers: a pattern of the full names of adapted layers, without peft's prefix.

    model_types: its names in config.json. biased: whether its linear layers have biases; None: some do. head: names of
    the classifier's modules, which a base checkpoint does not have. tuned_head: other modules of its head, which only
    a checkpoint fine-tuned to classify has. full_width: a pattern of the layers whose input has the hidden size.
    encoder: whether its classifiers have a head over an encoder.
    """

    title: str
    layers: str
    model_types: tuple[str, ...]
    biased: bool | None
    full_width: str
    head: tuple[str, ...] = ()
    tuned_head: tuple[str, ...] = ()
    encoder: bool = True

    def has_bias(self, module: str) -> bool:
        """Whether the adapted module, if it is linear, certainly has a bias."""
        return self.biased is True and bool(re.fullmatch(self.layers, module) or _BIASED_BESIDE.fullmatch(module))

    def reads_full_width(self, module: str) -> bool:
        """Whether the layer's input is as wide as the model."""
        return re.fullmatch(self.full_width, module) is not None


def _accepted(family: families.Family) -> KnownLayers:
    return KnownLayers(family.title, family.linear, family.model_types, True, family.attention, family.head)


KNOWN = (
    *map(_accepted, families.FAMILIES),
    # Saved from an encoder without a classifier, whose names do not include the family.
    KnownLayers(
        "BERT-like", bert_layers.LINEAR, ("bert", "roberta", "xlm-roberta", "camembert", "electra", "mpnet"), True,
        bert_layers.ATTENTION,
    ),
    KnownLayers(
        "DeBERTa",
        r"(deberta\.)?encoder\.layer\.\d+\.(attention\.self\.(query_proj|key_proj|value_proj|in_proj)|attention\.output"
        r"\.dense|intermediate\.dense|output\.dense)",
        ("deberta", "deberta-v2"),
        None,
        r".*\.attention\.self\.\w+_proj",
        ("classifier",),
        ("pooler.dense",),  # not saved by peft's own modules_to_save
    ),
    KnownLayers(
        "MPNet",
        r"(mpnet\.)?encoder\.layer\.\d+\.(attention\.attn\.[qkvo]|intermediate\.dense|output\.dense)",
        ("mpnet",),
        True,
        r".*\.attention\.attn\.[qkvo]",
        ("classifier.dense", "classifier.out_proj"),
    ),
    KnownLayers(
        "ALBERT", r"(albert\.)?encoder\.albert_layer_groups\..*", ("albert",), True,
        r".*\.attention\.(query|key|value|dense)", ("classifier",),
    ),
    KnownLayers(
        "ModernBERT", r"(model\.)?layers\.\d+\.(attn\.(Wqkv|Wo)|mlp\.(Wi|Wo))", ("modernbert",), None,
        r".*\.attn\.(Wqkv|Wo)", (),
    ),
    KnownLayers(
        "OPT", r"(model\.)?decoder\.layers\.\d+\..*", ("opt",), True, r".*\.self_attn\.(q|k|v|out)_proj",
        encoder=False,
    ),
    KnownLayers(
        "GPT-2", r"(transformer\.)?h\.\d+\.(attn\.c_attn|attn\.c_proj|mlp\.c_fc|mlp\.c_proj)", ("gpt2",), True,
        r".*\.attn\.c_\w+", encoder=False,
    ),
    KnownLayers(
        "T5", r"((transformer|encoder|decoder)\.)*block\.\d+\.layer\.\d+\.\w+\.\w+", ("t5", "mt5", "umt5"), False,
        r".*\.\w*Attention\.[qkv]", encoder=False,
    ),
    KnownLayers(
        "decoder of the Llama kind", r"(model\.)?layers\.\d+\.(self_attn\.(q|k|v|o)_proj|mlp\.(gate|up|down)_proj)",
        ("llama", "mistral", "mixtral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "smollm3", "olmo", "olmo2",
         "granite", "cohere", "starcoder2", "stablelm"),
        None, r".*\.self_attn\.[qkv]_proj", encoder=False,
    ),
)  # fmt: skip


def known_by_modules(modules: Iterable[str]) -> KnownLayers | None:
    """The first family whose layers have these names, or None.

    Modules outside the numbered layers (a pooler, embeddings, a head) may be adapted too.
    """
    names = list(modules)
    for family in KNOWN:
        pattern = re.compile(family.layers)
        others = [name for name in names if not pattern.fullmatch(name)]
        if len(others) < len(names) and all(layer_number(name) is None for name in others):
            return family
    return None


def known_by_type(model_type: str) -> KnownLayers | None:
    """The first family that has this `model_type` of config.json."""
    return next((family for family in KNOWN if model_type in family.model_types), None)


def layer_number(module: str) -> int | None:
    """Number, from 0, of the encoder layer that a module belongs to, from its full name; None outside the layers."""
    match = re.search(r"(?:^|\.)(?:layers?|h|block)\.(\d{1,6})\.", module)
    return int(match[1]) if match else None
