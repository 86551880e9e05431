"""Encoder layers of BERT, RoBERTa and ELECTRA, which have the same modules, keys and tensors."""

from typing import Any

from finetooth.families.family import Parts
from finetooth.rules import Rule, integer, number, one_of, optional

SHARE = number(0.0, 1.0)
ACTIVATION = one_of(
    "gelu", "relu", "gelu_new", "gelu_fast", "gelu_python", "gelu_pytorch_tanh", "gelu_accurate", "gelu_10",
    "quick_gelu", "silu", "swish", "mish", "tanh", "sigmoid", "relu2", "relu6", "leaky_relu", "linear", "hardswish",
    "laplace",
)  # fmt: skip
CONFIG: dict[str, Rule] = {
    "hidden_size": integer(1, 100_000),
    "num_hidden_layers": integer(1, 1_000),
    "num_attention_heads": integer(1, 10_000),
    "intermediate_size": integer(1, 1_000_000),
    "type_vocab_size": integer(1, 256),
    "hidden_act": ACTIVATION,
    "hidden_dropout_prob": SHARE,
    "attention_probs_dropout_prob": SHARE,
    "classifier_dropout": optional(SHARE),
    "layer_norm_eps": number(0.0, 1.0, above=True),
}
LAYER_SIZES: dict[str, tuple[str, ...]] = {
    "attention.self.query.weight": ("hidden_size", "hidden_size"),
    "attention.self.key.weight": ("hidden_size", "hidden_size"),
    "attention.self.value.weight": ("hidden_size", "hidden_size"),
    "attention.output.dense.weight": ("hidden_size", "hidden_size"),
    "intermediate.dense.weight": ("intermediate_size", "hidden_size"),
}
SIZES: dict[str, tuple[str, ...]] = {
    "embeddings.word_embeddings.weight": ("vocab_size", "hidden_size"),
    "embeddings.position_embeddings.weight": ("max_position_embeddings", "hidden_size"),
    "embeddings.token_type_embeddings.weight": ("type_vocab_size", "hidden_size"),
    **LAYER_SIZES,
}
POSITION_IDS = r"(.*\.)?embeddings\.position_ids"  # a constant that transformers no longer stores
LINEAR = (
    r"encoder\.layer\.\d+\."
    r"(attention\.self\.(query|key|value)|attention\.output\.dense|intermediate\.dense|output\.dense)"
)
ATTENTION = r".*\.attention\.(self\.(query|key|value)|output\.dense)"


def parts(layer: Any) -> Parts:
    """The modules of an encoder layer."""
    attention = layer.attention
    return Parts(
        attention.self.query,
        attention.self.key,
        attention.self.value,
        attention.output.dense,
        attention.output.LayerNorm,
        layer.intermediate.dense,
        layer.output.dense,
        layer.output.LayerNorm,
    )


def embedded(embeddings: Any, *, ids: Any, positions: Any, types: Any) -> Any:
    """The normed sum of the three embeddings of each token: (T, width)."""
    summed = embeddings.word_embeddings(ids) + embeddings.token_type_embeddings(types)
    return embeddings.LayerNorm(summed + embeddings.position_embeddings(positions))
