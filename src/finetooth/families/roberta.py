"""RoBERTa, XLM-RoBERTa and CamemBERT. Source: Liu et al. 2019 (arXiv 1907.11692); transformers 5, modeling_*.py."""

from collections.abc import Mapping
from typing import Any

from finetooth.families import bert_layers
from finetooth.families.family import Family, Packed
from finetooth.rules import integer


def _embed(classifier: Any, ids: Any, positions: Any, types: Any) -> Any:
    """Positions start after the padding token's id, and padding tokens have that id as position, as in the model."""
    embeddings = classifier.roberta.embeddings
    real = (ids != embeddings.padding_idx).long()
    count = real.cumsum(0)  # of the tokens so far, over all texts
    first = ids.new_ones(len(ids)).cumsum(0) - 1 - positions  # where each token's text begins
    before = (count - real)[first]  # tokens of the texts before it
    own = (count - before) * real + embeddings.padding_idx
    return bert_layers.embedded(embeddings, ids=ids, positions=own, types=types)


def _head_logits(classifier: Any, first: Any) -> Any:
    return classifier.classifier(first[:, None])


def _unused_positions(config: Mapping[str, Any]) -> int:
    return int(config.get("pad_token_id", 1)) + 1


FAMILY = Family(
    title="RoBERTa",
    model_types=("roberta", "xlm-roberta", "camembert"),
    config=bert_layers.CONFIG | {"pad_token_id": integer(0, 10_000_000)},  # by which positions are numbered
    sizes=bert_layers.SIZES,
    surplus=(
        bert_layers.POSITION_IDS,
        r"lm_head\..*",  # of its pre-training
        r"(roberta\.)?pooler\.dense\..*",  # which its classifier does not read
    ),
    linear=rf"roberta\.{bert_layers.LINEAR}",
    attention=bert_layers.ATTENTION,
    head=("classifier.dense", "classifier.out_proj"),
    head_logits=_head_logits,
    packed=Packed("hidden_act", lambda classifier: classifier.roberta.encoder.layer, bert_layers.parts, _embed),
    unused_positions=_unused_positions,
)
