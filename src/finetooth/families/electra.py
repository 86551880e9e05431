"""ELECTRA. Source: Clark et al. 2020 (arXiv 2003.10555); transformers 5, modeling_electra.py."""

from typing import Any

from finetooth.families import bert_layers
from finetooth.families.family import Family, Packed
from finetooth.rules import integer


def _embed(classifier: Any, ids: Any, positions: Any, types: Any) -> Any:
    """Embeddings that are narrower than the layers are projected to their width."""
    embedded = bert_layers.embedded(classifier.electra.embeddings, ids=ids, positions=positions, types=types)
    project = getattr(classifier.electra, "embeddings_project", None)
    return embedded if project is None else project(embedded)


def _head_logits(classifier: Any, first: Any) -> Any:
    return classifier.classifier(first[:, None])


FAMILY = Family(
    title="ELECTRA",
    model_types=("electra",),
    config=bert_layers.CONFIG | {"embedding_size": integer(1, 100_000)},
    sizes={
        "embeddings.word_embeddings.weight": ("vocab_size", "embedding_size"),
        "embeddings.position_embeddings.weight": ("max_position_embeddings", "embedding_size"),
        "embeddings.token_type_embeddings.weight": ("type_vocab_size", "embedding_size"),
        **bert_layers.LAYER_SIZES,
    },
    surplus=(
        bert_layers.POSITION_IDS,
        r"discriminator_predictions\..*",  # of its pre-training
        r"generator_(predictions|lm_head)\..*",  # of a generator
    ),
    linear=rf"electra\.{bert_layers.LINEAR}",
    attention=bert_layers.ATTENTION,
    head=("classifier.dense", "classifier.out_proj"),
    head_logits=_head_logits,
    packed=Packed("hidden_act", lambda classifier: classifier.electra.encoder.layer, bert_layers.parts, _embed),
)
