"""Files of a tokenizer: the settings that reach transformers, and the parts that tokenizer.json may have.

The tokenizers library reads tokenizer.json unchanged, so parts that would run an untrusted regular expression,
multiply a text or be random are refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from finetooth.rules import (
    Check,
    Problem,
    Rule,
    check_table,
    either,
    flag,
    integer,
    many,
    mapping,
    number,
    of_mapping,
    one_of,
    optional,
    record,
    text,
)
from finetooth.untrusted.code_keys import check_code
from finetooth.untrusted.tokenizer_parts import check_parts
from finetooth.wording import short

MOST_TOKENS = 10_000_000
_MOST_ADDED = 100_000
_NAMED = ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token", "bos_token", "eos_token")
_KINDS = (
    "Bert", "DistilBert", "Electra", "MPNet", "Roberta", "XLMRoberta", "Camembert", "Albert", "Herbert", "GPT2",
    "MobileBert", "RemBert", "DebertaV2", "LayoutLM", "ConvBert", "Funnel", "SqueezeBert", "Lxmert",
)  # fmt: skip
_CLASS = one_of(
    "PreTrainedTokenizerFast", "TokenizersBackend",
    *(f"{kind}Tokenizer{fast}" for kind in _KINDS for fast in ("", "Fast")),
)  # fmt: skip


def tokenizer_class(value: Any) -> str | None:
    """The name of a tokenizer class; the full list is too long for a message."""
    return _CLASS(value) and "the name of a fast tokenizer of transformers, such as BertTokenizer or TokenizersBackend"


_ID = integer(0, MOST_TOKENS - 1)
_TOKEN = {
    "content": text(1_000), "lstrip": flag, "rstrip": flag, "normalized": flag, "single_word": flag, "special": flag,
}  # fmt: skip
_SPECIAL = either(text(1_000), record({**_TOKEN, "__type": one_of("AddedToken")}, required=("content",)))


def _id_text(value: Any) -> str | None:
    """A token's number as text, as in a key."""
    usable = isinstance(value, str) and len(value) <= 8 and value.isascii() and value.isdigit()
    return None if usable and _ID(int(value)) is None else f"a whole number from 0 to {MOST_TOKENS - 1:,}, as text"


_SETTINGS: dict[str, Rule] = {
    "tokenizer_class": optional(tokenizer_class),
    "model_max_length": optional(number(1.0, 1e31)),
    "do_lower_case": optional(flag),
    "strip_accents": optional(flag),
    "tokenize_chinese_chars": optional(flag),
    "add_prefix_space": optional(flag),
    "split_special_tokens": optional(flag),
    "additional_special_tokens": optional(many(_SPECIAL, _MOST_ADDED)),
    "extra_special_tokens": optional(either(many(_SPECIAL, _MOST_ADDED), mapping(text(200), _SPECIAL, _MOST_ADDED))),
    "added_tokens_decoder": optional(mapping(_id_text, record(_TOKEN, required=("content",)), _MOST_ADDED)),
    **{name: optional(_SPECIAL) for name in _NAMED},
}
_SPECIAL_TOKENS = {key: _SETTINGS[key] for key in (*_NAMED, "additional_special_tokens", "extra_special_tokens")}
_ADDED = {"id": _ID, **_TOKEN}


@of_mapping
def _check_settings(value: dict[str, Any]) -> Iterator[Problem]:
    yield from check_code(value)
    yield from check_table(value, _SETTINGS)


@of_mapping
def _check_added_tokens(value: dict[str, Any]) -> Iterator[Problem]:
    needed = mapping(text(1_000), _ID, _MOST_ADDED)(value)
    if needed:
        yield Problem("", "value", f"is {short(value)}; {needed} is needed.")


@of_mapping
def _check_tokenizer(value: dict[str, Any]) -> Iterator[Problem]:
    added = many(record(_ADDED, required=("id", "content")), _MOST_ADDED)
    yield from check_table(value, {"added_tokens": added}, required=("model", "added_tokens"))
    yield from check_parts(value)


_CHECKS: dict[str, Check] = {
    "tokenizer.json": _check_tokenizer,
    "tokenizer_config.json": _check_settings,
    "special_tokens_map.json": of_mapping(lambda value: check_table(value, _SPECIAL_TOKENS)),
    "added_tokens.json": _check_added_tokens,
}


def check_tokenizer_file(name: str, value: Any) -> Iterator[Problem]:
    """What is refused in the JSON file of a tokenizer with this name; nothing in other files."""
    yield from _CHECKS[name](value) if name in _CHECKS else ()


def tokenizer_settings(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that reach transformers from a checked tokenizer_config.json or special_tokens_map.json."""
    table = _SETTINGS if name == "tokenizer_config.json" else _SPECIAL_TOKENS
    return {key: value[key] for key in table if value.get(key) is not None}
