"""Families of models, known by the names of the layers that an adapter changes: those accepted, and others.

Source: the module names of transformers 5 (modeling_*.py); a name is what a saved tensor is filed under, so it stays.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from finetooth import families
from finetooth.families import bert_layers

# Beside the layers; in every family here whose layers have biases, these linear layers have them too.
_BIASED_BESIDE = re.compile(r"(.*\.)?(pooler(\.dense)?|pre_classifier|classifier(\.(dense|out_proj))?)")


@dataclass(frozen=True, slots=True)
class KnownLayers:
    """title: as it is shown. layers: a pattern of the full names of adapted layers, without peft's own prefix.

    model_types: what config.json calls it. biased: whether its linear layers have biases; None: some do. head: names
    of the classifier's own modules, of which a base checkpoint fills none. tuned_head: further ones of its head, which
    only a checkpoint that was tuned to classify fills. full_width: a pattern of the layers whose input is as wide as
    the hidden size. encoder: whether a classifier of it has a head of its own over an encoder.
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
        """Whether the adapted module is sure to have a bias, if it is linear."""
        return self.biased is True and bool(re.fullmatch(self.layers, module) or _BIASED_BESIDE.fullmatch(module))

    def reads_full_width(self, module: str) -> bool:
        """Whether the layer's input is as wide as the model."""
        return re.fullmatch(self.full_width, module) is not None


def _accepted(family: families.Family) -> KnownLayers:
    return KnownLayers(family.title, family.linear, family.model_types, True, family.attention, family.head)


KNOWN = (
    *map(_accepted, families.FAMILIES),
    # Saved from an encoder without a classifier: the family is not in the names.
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
    """The first family that has the names of these layers; None of no layers.

    Modules outside the numbered layers (a pooler, embeddings, a head) may be adapted beside them.
    """
    names = list(modules)
    for family in KNOWN:
        pattern = re.compile(family.layers)
        others = [name for name in names if not pattern.fullmatch(name)]
        if len(others) < len(names) and all(layer_number(name) is None for name in others):
            return family
    return None


def known_by_type(model_type: str) -> KnownLayers | None:
    """The first family that config.json's `model_type` belongs to."""
    return next((family for family in KNOWN if model_type in family.model_types), None)


def layer_number(module: str) -> int | None:
    """Number, from 0, of the encoder layer that the full name of a module stands in; None outside the layers."""
    match = re.search(r"(?:^|\.)(?:layers?|h|block)\.(\d{1,6})\.", module)
    return int(match[1]) if match else None
