"""The contract of a model family: what Finetooth knows of it by name and by structure, in one place.

Nothing here imports torch. Where a function computes, it is given the model and its tensors.

B examples, T tokens of all of them end to end, H hidden size, C classes (docs/shapes.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finetooth.rules import Rule


@dataclass(frozen=True, slots=True)
class Parts:
    """The modules of one encoder layer, whatever its family calls them; each but the norms is linear, with a bias."""

    query: Any
    key: Any
    value: Any
    output: Any
    output_norm: Any
    up: Any
    down: Any
    down_norm: Any

    @property
    def products(self) -> tuple[Any, ...]:
        """The linear layers."""
        return (self.query, self.key, self.value, self.output, self.up, self.down)


@dataclass(frozen=True, slots=True)
class Packed:
    """What the pass without padding needs of a family: an optional capability.

    activation: the key of config.json that names the activation of the feed-forward layers. layers: of a classifier
    without its adapter. embed: from ids, positions in the text and types, each (T,) int64, to the states (T, H) that
    the first layer reads.
    """

    activation: str
    layers: Callable[[Any], Sequence[Any]]
    parts: Callable[[Any], Parts]
    embed: Callable[[Any, Any, Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Family:
    """A family of encoders with transformers' sequence classifier over them.

    title: as it is shown. model_types: what config.json calls it.
    config: the keys of config.json that reach transformers, each with its rule; every other one is left out.
    aliases: other names of such keys. sizes: for the end of a tensor's name, the keys that are its shape.
    surplus: patterns of tensors that a checkpoint may bring and the classifier has no place for.
    linear: a pattern of the full names of the linear layers in the encoder layers, without an adapter's own prefix.
    attention: a pattern of those of them that belong to attention; the others are the feed-forward layers (mlp).
    head: names of the head's modules, which a pre-trained checkpoint does not fill.
    head_logits: from a classifier and the last states of first tokens (B, H) to logits (B, C).
    unused_positions: of the positions that config.json counts, how many no token takes. packed: None where a model of
    the family is always computed by its own pass.
    """

    title: str
    model_types: tuple[str, ...]
    config: Mapping[str, Rule]
    sizes: Mapping[str, tuple[str, ...]]
    surplus: tuple[str, ...]
    linear: str
    attention: str
    head: tuple[str, ...]
    head_logits: Callable[[Any, Any], Any]
    packed: Packed | None
    aliases: Mapping[str, str] = field(default_factory=dict)
    unused_positions: Callable[[Mapping[str, Any]], int] = lambda config: 0

    def key(self, name: str) -> str:
        """The family's own key of config.json for hidden_size, num_hidden_layers or num_attention_heads."""
        return self.aliases.get(name, name)

    def positions(self, config: Mapping[str, Any]) -> int:
        """The most tokens of a text that the model has positions for. config: values of config.json, its own keys."""
        return int(config.get("max_position_embeddings", 512)) - self.unused_positions(config)
