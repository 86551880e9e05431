"""DistilBERT. Source: Sanh et al. 2019 (arXiv 1910.01108); transformers 5, modeling_distilbert.py."""

from typing import Any

from finetooth.families.bert_layers import ACTIVATION, POSITION_IDS, SHARE
from finetooth.families.family import Family, Packed, Parts
from finetooth.rules import integer


def _parts(layer: Any) -> Parts:
    attention = layer.attention
    return Parts(
        attention.q_lin,
        attention.k_lin,
        attention.v_lin,
        attention.out_lin,
        layer.sa_layer_norm,
        layer.ffn.lin1,
        layer.ffn.lin2,
        layer.output_layer_norm,
    )


def _embed(classifier: Any, ids: Any, positions: Any, types: Any) -> Any:
    embeddings = classifier.distilbert.embeddings
    return embeddings.LayerNorm(embeddings.word_embeddings(ids) + embeddings.position_embeddings(positions))


def _head_logits(classifier: Any, first: Any) -> Any:
    return classifier.classifier(classifier.pre_classifier(first).relu())


FAMILY = Family(
    title="DistilBERT",
    model_types=("distilbert",),
    config={
        "dim": integer(1, 100_000),
        "n_layers": integer(1, 1_000),
        "n_heads": integer(1, 10_000),
        "hidden_dim": integer(1, 1_000_000),
        "activation": ACTIVATION,
        "dropout": SHARE,
        "attention_dropout": SHARE,
        "seq_classif_dropout": SHARE,
    },
    sizes={
        "embeddings.word_embeddings.weight": ("vocab_size", "dim"),
        "embeddings.position_embeddings.weight": ("max_position_embeddings", "dim"),
        "attention.q_lin.weight": ("dim", "dim"),
        "attention.k_lin.weight": ("dim", "dim"),
        "attention.v_lin.weight": ("dim", "dim"),
        "attention.out_lin.weight": ("dim", "dim"),
        "ffn.lin1.weight": ("hidden_dim", "dim"),
        "ffn.lin2.weight": ("dim", "hidden_dim"),
    },
    surplus=(POSITION_IDS, r"vocab_(transform|layer_norm|projector)\..*"),  # the head of its pre-training
    linear=r"(distilbert\.)?transformer\.layer\.\d+\.(attention\.(q|k|v|out)_lin|ffn\.lin[12])",
    attention=r".*\.attention\.(q|k|v|out)_lin",
    head=("pre_classifier", "classifier"),
    head_logits=_head_logits,
    packed=Packed("activation", lambda classifier: classifier.distilbert.transformer.layer, _parts, _embed),
    aliases={"hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads"},
)
