"""The contract of a model family: its names and its structure.

Nothing here imports torch: functions that compute receive the model and its tensors.

B examples, T tokens of all examples end to end, H hidden size, C classes (docs/shapes.md).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finetooth.rules import Rule

# Linear layers outside the encoder layers. They have biases in every family whose encoder layers have them.
_BIASED_BESIDE = re.compile(r"(.*\.)?(pooler(\.dense)?|pre_classifier|classifier(\.(dense|out_proj))?)")


@dataclass(frozen=True, slots=True)
class Parts:
    """The modules of one encoder layer; all except the norms are linear, with a bias."""

    query: Any
    key: Any
    value: Any
    output: Any
    output_norm: Any
    up: Any
    down: Any
    down_norm: Any

    @property
    def linears(self) -> tuple[Any, ...]:
        """The linear layers."""
        return (self.query, self.key, self.value, self.output, self.up, self.down)


@dataclass(frozen=True, slots=True)
class Packed:
    """What the computation without padding needs of a family: an optional capability.

    activation: the key of config.json that names the activation of the feed-forward layers. layers: from a classifier
    without an adapter to its encoder layers. embed: from ids, positions in the text and types, each (T,) int64, to the
    input (T, H) of the first layer.
    """

    activation: str
    layers: Callable[[Any], Sequence[Any]]
    parts: Callable[[Any], Parts]
    embed: Callable[[Any, Any, Any, Any], Any]


@dataclass(frozen=True, slots=True)
class LayerNames:
    """The names of a family, of its layers and of its head.

    title: for messages. linear: a pattern of the full names of the layers that an adapter may change, without an
    adapter's prefix. model_types: the family's names in config.json. biased: whether these layers have biases; None:
    some do. attention: a pattern of the attention layers whose input is as wide as the model. head: names of the head's
    modules, which a pre-trained checkpoint does not have. tuned_head: other modules of the head, which only a
    checkpoint fine-tuned to classify has. encoder: whether a classifier of this family is a head over an encoder.
    """

    title: str
    linear: str
    model_types: tuple[str, ...]
    biased: bool | None
    attention: str
    head: tuple[str, ...] = ()
    tuned_head: tuple[str, ...] = ()
    encoder: bool = True

    def has_bias(self, module: str) -> bool:
        """Whether the adapted module, if it is linear, certainly has a bias."""
        return self.biased is True and bool(re.fullmatch(self.linear, module) or _BIASED_BESIDE.fullmatch(module))

    def reads_full_width(self, module: str) -> bool:
        """Whether the layer's input is as wide as the model."""
        return re.fullmatch(self.attention, module) is not None


@dataclass(frozen=True, slots=True)
class Family:
    """A family of encoders with transformers' sequence classifier over them.

    title: for messages. model_types: its names in config.json.
    config: the keys of config.json that reach transformers, each with its rule; others are ignored.
    aliases: the family's names of standard keys. sizes: the end of a tensor's name -> the keys that are its shape.
    surplus: patterns of tensors that a checkpoint may have but the classifier does not use.
    linear: a pattern of the full names of the linear layers in the encoder layers, without an adapter's prefix.
    attention: a pattern of those that belong to attention; the others are feed-forward layers (mlp).
    head: names of the head's modules, which a pre-trained checkpoint does not have.
    head_logits: from a classifier and the last hidden states of the first tokens (B, H) to logits (B, C).
    unused_positions: how many of the positions in config.json no token uses.
    packed: None if the model's own forward pass is always used.
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

    @property
    def layer_names(self) -> LayerNames:
        """The names by which the family is recognised; the linear layers of every supported family have biases."""
        return LayerNames(self.title, self.linear, self.model_types, True, self.attention, self.head)

    def key(self, name: str) -> str:
        """The family's own key of config.json for hidden_size, num_hidden_layers or num_attention_heads."""
        return self.aliases.get(name, name)

    def positions(self, config: Mapping[str, Any]) -> int:
        """The most tokens of a text that the model has positions for. config: config.json with the family's keys."""
        return int(config.get("max_position_embeddings", 512)) - self.unused_positions(config)


def layer_number(module: str) -> int | None:
    """The number, from 0, of the encoder layer in a module's full name; None outside the layers."""
    match = re.search(r"(?:^|\.)(?:layers?|h|block)\.(\d{1,6})\.", module)
    return int(match[1]) if match else None
