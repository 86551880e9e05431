"""The JSON files of a tokenizer: the settings that reach transformers, and the checks of tokenizer.json.

The tokenizers library reads tokenizer.json unchanged. So parts are refused that run an untrusted regular expression,
make a text many times longer or are random.
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
    many,
    mapping,
    matching,
    number,
    of_mapping,
    one_of,
    optional,
    record,
    text,
)
from finetooth.untrusted.code_keys import check_code
from finetooth.untrusted.tokenizer_parts import MOST_TOKENS, TOKEN_ID, check_parts
from finetooth.wording import short

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


_TOKEN = {
    "content": text(1_000), "lstrip": flag, "rstrip": flag, "normalized": flag, "single_word": flag, "special": flag,
}  # fmt: skip
_SPECIAL = either(text(1_000), record({**_TOKEN, "__type": one_of("AddedToken")}, required=("content",)))
_ID_TEXT = matching(r"[0-9]{1,7}", f"a whole number from 0 to {MOST_TOKENS - 1:,}, as text")
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
    "added_tokens_decoder": optional(mapping(_ID_TEXT, record(_TOKEN, required=("content",)), _MOST_ADDED)),
    **{name: optional(_SPECIAL) for name in _NAMED},
}
_SPECIAL_TOKENS = {key: _SETTINGS[key] for key in (*_NAMED, "additional_special_tokens", "extra_special_tokens")}
_ADDED = {"id": TOKEN_ID, **_TOKEN}


@of_mapping
def _check_settings(value: dict[str, Any]) -> Iterator[Problem]:
    yield from check_code(value)
    yield from check_table(value, _SETTINGS)


@of_mapping
def _check_added_tokens(value: dict[str, Any]) -> Iterator[Problem]:
    needed = mapping(text(1_000), TOKEN_ID, _MOST_ADDED)(value)
    if needed:
        yield Problem("", "value", f"is {short(value)}; {needed} is needed.")


@of_mapping
def _check_tokenizer(value: dict[str, Any]) -> Iterator[Problem]:
    added = many(record(_ADDED, required=("id", "content")), _MOST_ADDED)
    yield from check_table(value, {"added_tokens": added}, required=("model", "added_tokens"))
    yield from check_parts(value)


TOKENIZER_CHECKS: dict[str, Check] = {
    "tokenizer.json": _check_tokenizer,
    "tokenizer_config.json": _check_settings,
    "special_tokens_map.json": of_mapping(lambda value: check_table(value, _SPECIAL_TOKENS)),
    "added_tokens.json": _check_added_tokens,
}


def tokenizer_settings(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that reach transformers from a checked tokenizer_config.json or special_tokens_map.json."""
    table = _SETTINGS if name == "tokenizer_config.json" else _SPECIAL_TOKENS
    return {key: value[key] for key in table if value.get(key) is not None}
