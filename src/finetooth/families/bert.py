"""BERT, which includes MiniLM. Source: Devlin et al. 2018 (arXiv 1810.04805); transformers 5, modeling_bert.py."""

from typing import Any

from finetooth.families import bert_layers
from finetooth.families.family import Family, Packed


def _embed(classifier: Any, ids: Any, positions: Any, types: Any) -> Any:
    return bert_layers.embedded(classifier.bert.embeddings, ids=ids, positions=positions, types=types)


def _head_logits(classifier: Any, first: Any) -> Any:
    return classifier.classifier(classifier.bert.pooler(first[:, None]))


FAMILY = Family(
    title="BERT",
    model_types=("bert",),
    config=bert_layers.CONFIG,
    sizes=bert_layers.SIZES,
    surplus=(bert_layers.POSITION_IDS, r"cls\.(predictions|seq_relationship)\..*"),  # the heads of its pre-training
    linear=rf"bert\.{bert_layers.LINEAR}",
    attention=bert_layers.ATTENTION,
    head=("classifier",),
    head_logits=_head_logits,
    packed=Packed("hidden_act", lambda classifier: classifier.bert.encoder.layer, bert_layers.parts, _embed),
)
