"""Where the families of encoders that can be tuned without padding keep their modules, and how they begin and end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True, slots=True)
class Parts:
    """The modules of one encoder layer, whatever its family calls them."""

    query: nn.Module
    key: nn.Module
    value: nn.Module
    output: nn.Module
    output_norm: nn.Module
    up: nn.Module
    down: nn.Module
    down_norm: nn.Module

    @property
    def products(self) -> tuple[nn.Module, ...]:
        """The linear layers."""
        return (self.query, self.key, self.value, self.output, self.up, self.down)


@dataclass(frozen=True, slots=True)
class Family:
    """Where a family of models keeps what the pass needs; `base` is the classifier without its adapter."""

    activation: str
    layers: Callable[[Any], Sequence[Any]]
    parts: Callable[[Any], Parts]
    embed: Callable[[Any, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    head: Callable[[Any, torch.Tensor], torch.Tensor]


def _bert_parts(layer: Any) -> Parts:
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


def _distilbert_parts(layer: Any) -> Parts:
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


def _bert_embed(base: Any, ids: torch.Tensor, positions: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
    place = base.bert.embeddings
    summed = place.word_embeddings(ids) + place.token_type_embeddings(types) + place.position_embeddings(positions)
    found: torch.Tensor = place.LayerNorm(summed)
    return found


def _distilbert_embed(base: Any, ids: torch.Tensor, positions: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
    place = base.distilbert.embeddings
    found: torch.Tensor = place.LayerNorm(place.word_embeddings(ids) + place.position_embeddings(positions))
    return found


def _bert_head(base: Any, first: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = base.classifier(base.bert.pooler(first[:, None]))
    return found


def _distilbert_head(base: Any, first: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = base.classifier(torch.relu(base.pre_classifier(first)))
    return found


FAMILIES = {
    "bert": Family("hidden_act", lambda base: base.bert.encoder.layer, _bert_parts, _bert_embed, _bert_head),
    "distilbert": Family(
        "activation",
        lambda base: base.distilbert.transformer.layer,
        _distilbert_parts,
        _distilbert_embed,
        _distilbert_head,
    ),
}
