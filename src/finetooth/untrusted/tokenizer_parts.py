"""The allowed parts of tokenizer.json: normalizer, pre-tokenizer, model, post-processor, decoder.

Every text passes through all of them. A part that makes a text longer (`a` replaced by `aa`) may occur only once, so
that no chain of parts can double a text repeatedly. Only the regular expressions of published tokenizers are allowed.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from finetooth.rules import Problem, Rule, check_table, flag, integer, many, mapping, number, one_of, optional, text
from finetooth.wording import short

MOST_TOKENS = 10_000_000  # token numbers have seven digits at most
_MOST_PARTS = 32
TOKEN_ID = integer(0, MOST_TOKENS - 1)
_SECTIONS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
# Parts that make no text longer, so they may occur several times in a section; and parts that may occur once.
_REPEATABLE = {
    "Sequence", "Replace", "Split", "Strip", "StripAccents", "Lowercase", "NFC", "NFD", "Nmt", "BertNormalizer",
    "Whitespace", "WhitespaceSplit", "Punctuation", "Digits", "CharDelimiterSplit", "UnicodeScripts",
    "BertPreTokenizer", "ByteFallback", "Fuse", "WordPiece", "BPEDecoder", "CTC",
}  # fmt: skip
_SINGLE = {
    "NFKC", "NFKD", "Precompiled", "Prepend", "ByteLevel", "Metaspace", "TemplateProcessing", "BertProcessing",
    "RobertaProcessing",
}  # fmt: skip
# Regular expressions of published tokenizers; each runs in linear time.
_PATTERNS = {
    " {2,}", " +", r"\s+", r"\s", r"\d", r"\n", "^ ", r"\p{P}",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
}  # fmt: skip
_PREFIX = optional(text(100))
_NO_LOTS = optional(one_of(0, 0.0))
_MODELS: dict[str, dict[str, Rule]] = {
    "WordPiece": {"continuing_subword_prefix": _PREFIX, "max_input_chars_per_word": integer(1, 1_000)},
    "WordLevel": {},
    "BPE": {"continuing_subword_prefix": _PREFIX, "end_of_word_suffix": _PREFIX, "dropout": _NO_LOTS},
    "Unigram": {"unk_id": optional(TOKEN_ID), "alpha": optional(number(0.0, 0.0)), "byte_fallback": flag},
}


def check_parts(tokenizer: Mapping[str, Any]) -> Iterator[Problem]:
    """Check the parts of a tokenizer.json, and yield a problem for each that is refused."""
    for section in _SECTIONS:
        yield from _check_section(section, tokenizer.get(section))
    yield from _check_model(tokenizer.get("model"))


def _check_section(section: str, value: Any) -> Iterator[Problem]:
    parts = list(_parts(value))
    if len(parts) > _MOST_PARTS:
        yield Problem(section, "value", f"key {section!r} has {len(parts)} parts, more than {_MOST_PARTS}.")
        return
    kinds = [part.get("type") if isinstance(part, dict) else None for part in parts]
    for part, kind in zip(parts, kinds, strict=True):
        if not isinstance(kind, str) or kind not in _REPEATABLE | _SINGLE:
            yield Problem(section, "value", f"key {section!r} holds {short(part)}, which is not a known part.")
        elif kind in _SINGLE and kinds.count(kind) > 1 and section != "decoder":
            yield Problem(section, "value", f"key {section!r} holds {kind} more than once.")
            return
        else:
            yield from _check_part(section, part)


def _parts(value: Any) -> Iterator[Any]:
    """Every part of a section, including those in sequences; at most one more than is allowed."""
    pending = [] if value is None else [value]
    seen = 0
    while pending and seen <= _MOST_PARTS:
        part = pending.pop()
        seen += 1
        yield part
        for key in ("normalizers", "pretokenizers", "processors", "decoders"):
            inner = part.get(key) if isinstance(part, dict) else None
            pending += inner[: _MOST_PARTS + 1] if isinstance(inner, list) else []


def _check_part(section: str, part: Mapping[str, Any]) -> Iterator[Problem]:
    pattern: Any = part.get("pattern")
    has_regex = isinstance(pattern, dict) and "Regex" in pattern
    if has_regex and not (isinstance(pattern["Regex"], str) and pattern["Regex"] in _PATTERNS):
        yield Problem(
            section, "pattern",
            f"key {section!r} holds the regular expression {short(pattern['Regex'])}, which is not on the list of "
            "those known to be fast.",
            " This tokenizer is not supported.",
        )  # fmt: skip
        return
    if part["type"] == "Replace" and section != "decoder":
        yield from _check_replacement(section, pattern, part.get("content"))
    if part["type"] == "Prepend" and section != "decoder":
        yield from check_table(part, {"prepend": text(10)}, path=f"{section}.")
    if part["type"] == "TemplateProcessing":
        yield from _check_template(section, part)


def _check_replacement(section: str, pattern: Any, content: Any) -> Iterator[Problem]:
    """Refuse replacements that make a text longer: a chain of them could double it repeatedly."""
    # A known regular expression matches one character or more.
    replaced = pattern.get("String", " ") if isinstance(pattern, dict) else " "
    if not isinstance(replaced, str) or not isinstance(content, str) or not 0 <= len(content) <= len(replaced) > 0:
        yield Problem(section, "value", f"key {section!r} replaces {short(pattern)} by the longer {short(content)}.")


def _special(value: Any) -> str | None:
    needed = many(TOKEN_ID, 16)(value.get("ids")) if isinstance(value, dict) else "a mapping"
    return needed and f"a mapping with ids: {needed}"


_PIECES = many(mapping(one_of("SpecialToken", "Sequence"), lambda value: None, 1), 16)
_TEMPLATE = {"single": _PIECES, "pair": _PIECES, "special_tokens": mapping(text(1_000), _special, 1_000)}


def _check_template(section: str, part: Mapping[str, Any]) -> Iterator[Problem]:
    """Refuse templates that insert a text more than once, or too many tokens around it."""
    path = f"{section}."
    problems = list(check_table(part, _TEMPLATE, path=path))
    yield from problems
    for key in ("single", "pair") if not problems else ():
        texts = [piece["Sequence"].get("id") for piece in part.get(key, ()) if isinstance(piece.get("Sequence"), dict)]
        if len(texts) != len({short(one) for one in texts}):
            yield Problem(f"{path}{key}", "value", f"key {path + key!r} inserts one text more than once.")


def _check_model(model: Any) -> Iterator[Problem]:
    if not isinstance(model, dict):
        if model is not None:
            yield Problem("model", "value", f"key 'model' is {short(model)}; a mapping is needed.")
        return
    kind = model.get("type")
    if kind is not None and (not isinstance(kind, str) or kind not in _MODELS):
        yield Problem(
            "model.type", "value", f"key 'model.type' is {short(kind)}; one of {', '.join(_MODELS)} is needed."
        )
        return
    tables = [_MODELS[kind]] if kind else _MODELS.values()  # older files do not name the kind
    for table in tables:
        yield from check_table(model, table, path="model.")
    yield from _check_vocabulary(model.get("vocab"))


def _check_vocabulary(vocabulary: Any) -> Iterator[Problem]:
    usable = False
    if isinstance(vocabulary, dict):
        numbers = vocabulary.values()
        # If two tokens had one number, the vocabulary would be smaller than its file says.
        usable = all(type(number) is int and 0 <= number < MOST_TOKENS for number in numbers)
        usable = usable and len(set(numbers)) == len(vocabulary)
    elif isinstance(vocabulary, list):
        usable = all(
            isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and type(item[1]) in (int, float)
            and item[1] == item[1]
            for item in vocabulary
        )  # fmt: skip
    if not usable or not 0 < len(vocabulary) <= MOST_TOKENS:
        needed = f"a mapping of tokens to numbers from 0 to {MOST_TOKENS - 1:,}, or a list of pairs"
        yield Problem("model.vocab", "value", f"key 'model.vocab' is {short(vocabulary)}; {needed} is needed.")
