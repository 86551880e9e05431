"""A stranger's tokenizer, file by file and key by key: refused by file and key, or it loads and labels texts."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile_values import VALUES, broken, copied, mutants, refusal
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

import tiny
from finetooth.models.batching import tokenize
from finetooth.models.config_file import load_config
from finetooth.models.tokenizer import check_tokenizer, copy_tokenizer, load_tokenizer
from finetooth.sources import fetch_model
from tiny_families import save_model

NAMED = ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token", "bos_token", "eos_token")
# All that transformers 5 reads from these two files, besides what no one has named.
SETTINGS = (
    *NAMED, "tokenizer_class", "model_max_length", "do_lower_case", "strip_accents", "tokenize_chinese_chars",
    "add_prefix_space", "split_special_tokens", "additional_special_tokens", "extra_special_tokens",
    "added_tokens_decoder", "fast_tokenizer_files", "gguf_file", "tokenizer_file", "tokenizer_object", "vocab",
    "vocab_file", "init_inputs", "backend", "chat_template", "name_or_path", "model_input_names", "padding_side",
    "truncation_side", "max_length", "stride", "post_processor", "tokenizer_padding", "tokenizer_truncation",
    "add_bos_token", "add_eos_token", "boi_token", "model_specific_special_tokens", "never_split", "merges",
    "clean_up_tokenization_spaces", "is_local", "processor_class", "_commit_hash", "auto_map",
)  # fmt: skip


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp("bert") / "m")


@pytest.fixture
def folder(honest: Path, tmp_path: Path) -> Path:
    return copied(honest, tmp_path / "m")


def used(folder: Path) -> list[int]:
    """Numbers of the tokens of a few texts, of the shortest and the longest kind."""
    tokenizer = load_tokenizer(folder)
    check_tokenizer(tokenizer, load_config(folder), pairs=True, name="m")
    tokens = tokenize(tokenizer, ["a bright film", "", "a" * 50_000, " " * 50_000], max_tokens=16)
    return [int(number) for number in tokens.ids]


def shown_to_transformers(folder: Path) -> dict[str, bytes]:
    """The files that transformers sees, by name: where they are the same, the tokenizer is the same."""
    with tempfile.TemporaryDirectory() as copy:
        copy_tokenizer(folder, Path(copy))
        return {file.name: file.read_bytes() for file in Path(copy).iterdir()}


def settings_of(folder: Path, name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / name).read_text())
    return values


@pytest.mark.parametrize("key", SETTINGS)
def test_any_value_of_a_setting_is_refused_by_name_or_harmless(folder: Path, key: str) -> None:
    honest = settings_of(folder, "tokenizer_config.json")
    known = shown_to_transformers(folder)
    for text in mutants(honest, key):
        (folder / "tokenizer_config.json").write_text(text)
        message = refusal(lambda: shown_to_transformers(folder))
        if message is None and shown_to_transformers(folder) != known:
            message = refusal(lambda: used(folder))
        assert message is None or "token" in message, message


@pytest.mark.parametrize("key", [*NAMED, "additional_special_tokens", "extra_special_tokens", "never_seen"])
def test_any_value_in_the_map_of_special_tokens_is_refused_by_name_or_harmless(folder: Path, key: str) -> None:
    settings = settings_of(folder, "tokenizer_config.json")
    settings.pop("added_tokens_decoder", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    honest = {"unk_token": "[UNK]", "pad_token": "[PAD]"}
    (folder / "special_tokens_map.json").write_text(json.dumps(honest))
    known = shown_to_transformers(folder)
    for text in mutants(honest, key):
        (folder / "special_tokens_map.json").write_text(text)
        message = refusal(lambda: shown_to_transformers(folder))
        if message is None and shown_to_transformers(folder) != known:
            message = refusal(lambda: used(folder))
        assert message is None or "token" in message, message


def tokenizer_mutants(honest: dict[str, Any]) -> list[str]:
    """Every value in place of each part, and of each setting inside of one."""
    texts = [text for key in honest for text in mutants(honest, key)]
    for section in ("normalizer", "pre_tokenizer", "post_processor", "decoder", "model"):
        inner = honest[section] or {}
        texts += [json.dumps({**honest, section: {**inner, key: value}}) for key in inner for value in VALUES]
    return texts


@pytest.mark.parametrize("kind", ["BertTokenizer", "TokenizersBackend"])
def test_any_value_in_the_tokenizer_itself_is_refused_or_harmless(folder: Path, kind: str) -> None:
    settings = settings_of(folder, "tokenizer_config.json") | {"tokenizer_class": kind}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    texts = tokenizer_mutants(settings_of(folder, "tokenizer.json"))
    for text in texts[:: 9 if kind == "BertTokenizer" else 2]:  # which takes the vocabulary and little else from it
        (folder / "tokenizer.json").write_text(text)
        message = refusal(lambda: used(folder))
        assert message is None or "token" in message, message


SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def byte_pairs() -> Tokenizer:
    """As of RoBERTa: pairs of bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *alphabet, "in", "fi"])}
    backend = Tokenizer(models.BPE(vocabulary, [("i", "n"), ("f", "i")]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return backend


def pieces() -> Tokenizer:
    """As of XLM-RoBERTa and CamemBERT: pieces by their probability."""
    tokens = [*SPECIAL, "<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED", "\u2581a", *"\u2581abcdefghijklmnopqrstuvwxyz.,!"]
    backend = Tokenizer(models.Unigram([(token, -2.0) for token in tokens], unk_id=3))
    backend.normalizer = normalizers.Sequence([normalizers.NFKC()])
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return backend


OTHERS: dict[str, tuple[str, Callable[[], Tokenizer] | None]] = {  # class: family and tokenizer, None for that of tiny
    "RobertaTokenizer": ("roberta", byte_pairs), "XLMRobertaTokenizer": ("xlm-roberta", pieces),
    "CamembertTokenizer": ("camembert", pieces), "ElectraTokenizer": ("electra", None),
    "DistilBertTokenizer": ("distilbert", None),
}  # fmt: skip


@pytest.mark.parametrize("own", [True, False], ids=["own class", "TokenizersBackend"])
@pytest.mark.parametrize("kind", OTHERS)
def test_any_value_in_the_tokenizer_of_another_family_is_refused_or_harmless(
    tmp_path: Path, kind: str, own: bool
) -> None:
    family, make = OTHERS[kind]
    folder = save_model(tmp_path / "m", family)
    settings = settings_of(folder, "tokenizer_config.json")
    if make is not None:
        backend = make()
        backend.save(str(folder / "tokenizer.json"))
        config = settings_of(folder, "config.json") | {"vocab_size": backend.get_vocab_size()}
        (folder / "config.json").write_text(json.dumps(config))
        start, pad, end, unknown, mask = SPECIAL
        settings = {"unk_token": unknown, "pad_token": pad, "mask_token": mask, "model_max_length": 64}
        settings |= dict.fromkeys(("cls_token", "bos_token"), start) | dict.fromkeys(("sep_token", "eos_token"), end)
    settings["tokenizer_class"] = kind if own else "TokenizersBackend"
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    assert used(folder)
    for text in tokenizer_mutants(settings_of(folder, "tokenizer.json"))[::31]:
        (folder / "tokenizer.json").write_text(text)
        message = refusal(lambda: used(folder))
        assert message is None or "token" in message, message


@pytest.mark.parametrize(
    "name", ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]
)
def test_files_that_are_no_mappings_are_refused(folder: Path, name: str) -> None:
    for data in broken({"model": {}}):
        (folder / name).write_bytes(data)
        for work in (lambda: used(folder), lambda: fetch_model(str(folder))):
            message = refusal(work)
            assert message is not None
            assert name in message


DOUBLING = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
TWICE = {"Sequence": {"id": "A", "type_id": 0}}
BOMBS: dict[str, dict[str, Any]] = {
    "doubling": {"normalizer": {"type": "Sequence", "normalizers": [DOUBLING] * 30}},
    "bytes of bytes": {"normalizer": {"type": "Sequence", "normalizers": [{"type": "ByteLevel"}] * 30}},
    "slow pattern": {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated"}},
    "slow replacement": {"normalizer": {"type": "Replace", "pattern": {"Regex": "(a|aa)+$"}, "content": ""}},
    "out of nothing": {"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "x"}},
    "repeated text": {"post_processor": {
        "type": "TemplateProcessing", "single": [TWICE] * 1000, "pair": [TWICE], "special_tokens": {},
    }},
    "words without end": {"model": {
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 10**9, "vocab": {"[UNK]": 0, "a": 1},
    }},
    "lots": {"model": {"type": "BPE", "dropout": 0.5, "vocab": {"a": 0}, "merges": []}},
    "far number": {"post_processor": {
        "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}}], "pair": [],
        "special_tokens": {"x": {"id": "x", "ids": [2**31], "tokens": ["x"]}},
    }},
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_tokenizer_that_makes_texts_grow_or_searches_slowly_is_refused(folder: Path, name: str) -> None:
    honest = settings_of(folder, "tokenizer.json")
    (folder / "tokenizer.json").write_text(json.dumps(honest | BOMBS[name]))
    message = refusal(lambda: fetch_model(str(folder)))
    assert message is not None
    assert "tokenizer.json: key " in message
    assert refusal(lambda: used(folder)) is not None


def test_special_tokens_that_the_model_has_no_embedding_for_are_told(folder: Path) -> None:
    settings = settings_of(folder, "tokenizer_config.json") | {"tokenizer_class": "TokenizersBackend"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = settings_of(folder, "tokenizer.json")
    tokenizer["post_processor"]["special_tokens"]["[CLS]"]["ids"] = [4_000]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    message = refusal(lambda: used(folder))
    assert message is not None
    assert message.startswith("m: the tokenizer has a token '[CLS]' with the number 4,000, and the model has ")


def test_more_segments_than_the_model_has_are_told(folder: Path) -> None:
    settings = settings_of(folder, "tokenizer_config.json") | {"tokenizer_class": "TokenizersBackend"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = settings_of(folder, "tokenizer.json")
    tokenizer["post_processor"]["pair"][3] = {"Sequence": {"id": "B", "type_id": 7}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    message = refusal(lambda: used(folder))
    assert message is not None
    assert message.startswith(
        "m: the tokenizer marks 8 segments in a pair of texts, and the model has embeddings for 2"
    )
