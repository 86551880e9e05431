"""A stranger's model folder, file by file and key by key: refused by file and key, or the model is the same."""

import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_values import VALUES, broken, copied, mutants, refusal

import tiny
from finetooth.families import family_of_type
from finetooth.models.batching import tokenize
from finetooth.models.config_file import load_config
from finetooth.models.loading import load_base
from finetooth.models.plain_pass import logits
from finetooth.models.tokenizer import check_tokenizer, load_tokenizer
from finetooth.sources import fetch_model
from tiny_families import ACCEPTED, save_model

CLASSES = ("bad", "good")
TEXTS = ["a bright film", "dull, dull!"]
EVERY_KEY = ("bert", "distilbert")  # families that are tested with every key; the others with those of their own
# Keys that decide what is computed and have more than one honest value: the model may differ, it is never half read.
DECIDING = {
    "hidden_act", "activation", "layer_norm_eps", "hidden_dropout_prob", "attention_probs_dropout_prob", "dropout",
    "attention_dropout", "seq_classif_dropout", "classifier_dropout", "initializer_range", "num_attention_heads",
    "n_heads",
}  # fmt: skip
PADS = ("roberta", "xlm-roberta", "camembert")  # positions are numbered from pad_token_id on
CODE = (
    "auto_map", "attn_implementation", "_attn_implementation", "_attn_implementation_internal",
    "experts_implementation", "_experts_implementation", "custom_pipelines", "trust_remote_code",
)  # fmt: skip
OTHER_MODEL: dict[str, Any] = {
    "quantization_config": {"quant_method": "gptq"}, "compression_config": {"a": 1}, "fusion_config": {"a": 1},
    "per_layer_config": {"0": {"hidden_size": 8}}, "transformers_weights": "other.safetensors", "is_decoder": True,
    "add_cross_attention": True, "is_encoder_decoder": True, "position_embedding_type": "relative_key",
    "pruned_heads": {"0": [1]},
}  # fmt: skip
# What real files of many versions hold, and what decides nothing here.
HARMLESS: dict[str, Any] = {
    "transformers_version": "4.6.0.dev0", "_name_or_path": "/home/someone/model", "gradient_checkpointing": False,
    "torch_dtype": "float16", "dtype": "bfloat16", "finetuning_task": "sst-2", "problem_type": "regression",
    "task_specific_params": {"x": {"y": 1}}, "architectures": ["BertForMaskedLM"], "use_cache": True,
    "_attn_implementation_autoset": True, "attn_implementation": None, "quantization_config": None,
    "position_embedding_type": "absolute", "pruned_heads": {}, "output_hidden_states": True, "return_dict": False,
    "output_attentions": True, "torchscript": True, "tie_weights_": True, "tie_word_embeddings": False,
    "sinusoidal_pos_embds": False, "qa_dropout": 0.1, "directionality": "bidi", "pooler_fc_size": 768,
    "bos_token_id": None, "eos_token_ids": 0, "chunk_size_feed_forward": 0, "num_labels": 3, "model_max_length": 512,
    "adapters": {"adapters": {}}, "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
    "label2id": {"LABEL_0": 0, "auto_map": 1},
    "rope_scaling": {"type": "x"}, "tokenizer_class": "BertTokenizer", "use_bfloat16": False, "layer_types": ["x"],
}  # fmt: skip


@pytest.fixture(scope="module", params=ACCEPTED)
def honest(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp(request.param) / "m", request.param)


@pytest.fixture
def folder(honest: Path, tmp_path: Path) -> Path:
    return copied(honest, tmp_path / "m")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETOOTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def scores(folder: Path) -> Any:
    """Logits of a few texts by the model in a folder, which was not staged: only the loader can refuse it."""
    base = load_base(folder, classes=CLASSES, head_seed=0)
    tokenizer = load_tokenizer(folder)
    check_tokenizer(tokenizer, base.model.config, pairs=False, name="m")
    tokens = tokenize(tokenizer, TEXTS, max_tokens=32)
    return logits(base.model, tokens, pad_id=tokenizer.pad_token_id)


def config_of(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return values


def keys_of_config(family: str) -> list[str]:
    families = EVERY_KEY if family in EVERY_KEY else (family,)  # a key of another family may not change a model either
    keys = {"model_type", "vocab_size", "max_position_embeddings", "pad_token_id", "id2label"}
    for name in families:
        known = family_of_type(name)
        assert known is not None
        keys |= {*known.config}
    if family not in EVERY_KEY:
        return sorted(keys)
    ours = {key for name in families for key in tiny.config(name, 99).to_dict() if key not in HARMLESS}
    more = ("num_labels", "hidden_size", "tokenizer_class", "never_seen")
    return sorted({*keys, *ours, *OTHER_MODEL, *CODE, *more})


@pytest.mark.parametrize(
    ("honest", "key"), [(family, key) for family in ACCEPTED for key in keys_of_config(family)], indirect=["honest"]
)
def test_any_value_of_a_key_of_config_is_refused_by_name_or_harmless(folder: Path, key: str) -> None:
    honest, expected, results = config_of(folder), scores(folder), list[Any]()
    seen, family = load_config(folder).to_dict(), honest["model_type"]
    decides = key in DECIDING or (key == "pad_token_id" and family in PADS)
    for text in mutants(honest, key)[:: 1 if family in EVERY_KEY else 3]:
        (folder / "config.json").write_text(text)
        # What transformers sees: where that is the same, the model is the same and need not be loaded again.
        message = refusal(lambda: load_config(folder))
        if message is None and load_config(folder).to_dict() != seen:
            message = refusal(lambda: results.append(scores(folder)))
            if message is None and not decides:
                np.testing.assert_array_equal(results[-1], expected, err_msg=text[:300])
        assert message is None or "config.json" in message or "model family" in message, message


def test_a_config_that_is_no_mapping_is_refused(folder: Path) -> None:
    for data in broken(config_of(folder)):
        (folder / "config.json").write_bytes(data)
        message = refusal(lambda: scores(folder))
        assert message is not None
        assert "config.json" in message or "model family" in message


@pytest.mark.parametrize("key", CODE)
@pytest.mark.parametrize("path", ["top", "inside"])
def test_a_key_that_chooses_code_is_refused_at_any_depth(folder: Path, key: str, path: str) -> None:
    inner: dict[str, Any] = {key: "owner/repo"}
    added = inner if path == "top" else {"text_config": [{"deep": inner}]}
    (folder / "config.json").write_text(json.dumps(config_of(folder) | added))
    for work in (lambda: fetch_model(str(folder)), lambda: scores(folder)):
        message = refusal(work)
        assert message is not None
        assert f"config.json: key {key!r} is refused: it would let the model's author choose or load code" in message


@pytest.mark.parametrize("key", OTHER_MODEL)
def test_a_key_that_makes_another_model_is_refused(folder: Path, key: str) -> None:
    (folder / "config.json").write_text(json.dumps(config_of(folder) | {key: OTHER_MODEL[key]}))
    message = refusal(lambda: fetch_model(str(folder)))
    assert message is not None
    assert f"key {key!r} is " in message
    assert "would change what the model computes" in message


@pytest.mark.parametrize(
    ("honest", "keys"),
    [
        *((family, (key,)) for family in EVERY_KEY for key in HARMLESS),
        *((family, tuple(HARMLESS)) for family in ACCEPTED),
    ],
    indirect=["honest"],
)
def test_what_real_files_hold_besides_changes_nothing(folder: Path, keys: tuple[str, ...]) -> None:
    expected = scores(folder)
    (folder / "config.json").write_text(json.dumps(config_of(folder) | {key: HARMLESS[key] for key in keys}))
    fetch_model(str(folder))
    np.testing.assert_array_equal(scores(folder), expected)


def test_attention_is_chosen_by_us(folder: Path) -> None:
    assert load_base(folder, classes=CLASSES, head_seed=0).model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("num_hidden_layers", 1000),
        ("num_hidden_layers", 1),
        ("vocab_size", 9_999_999),
        ("max_position_embeddings", 1_000_000),
        ("intermediate_size", 1_000_000),
        ("hidden_size", 100_000),
    ],
)
def test_a_size_that_the_checkpoint_has_not_is_refused_before_it_is_allocated(
    folder: Path, name: str, size: int
) -> None:
    config = config_of(folder)
    family = family_of_type(config["model_type"])
    assert family is not None
    key = "hidden_dim" if name not in config and name == "intermediate_size" else family.key(name)
    (folder / "config.json").write_text(json.dumps(config | {key: size}))
    message = refusal(lambda: load_base(folder, classes=CLASSES, head_seed=0))
    assert message is not None
    assert message.startswith(f"the base model: config.json: key {key!r} is {size:,}, but ")


@pytest.mark.parametrize("prefix", ["a", "cls.predictions.", "layer.7."])
def test_many_empty_tensors_are_refused_before_they_are_loaded(folder: Path, prefix: str) -> None:
    file = folder / "model.safetensors"
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    text = json.dumps(header | {f"{prefix}{number}": empty for number in range(5_000)}).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    message = refusal(lambda: load_base(folder, classes=CLASSES, head_seed=0))
    assert message is not None
    assert "the checkpoint has " in message


def test_a_tokenizer_with_more_tokens_than_the_model_is_told(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    size = len(tokenizer["model"]["vocab"])
    tokenizer["model"]["vocab"]["extra"] = size
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert refusal(lambda: scores(folder)) == (
        f"m: the tokenizer has a token 'extra' with the number {size}, and the model has embeddings for {size} tokens, "
        "numbered from 0 (vocab_size in config.json). Use the tokenizer that belongs to the model, or call "
        "model.resize_token_embeddings(len(tokenizer)) and save the model again."
    )


def test_a_config_without_a_checkpoint_that_fits_is_told(folder: Path, tmp_path: Path) -> None:
    other = save_model(tmp_path / "other", "bert" if config_of(folder)["model_type"] == "distilbert" else "distilbert")
    (other / "model.safetensors").replace(folder / "model.safetensors")
    message = refusal(lambda: load_base(folder, classes=CLASSES, head_seed=0))
    assert message is not None
    missing = {"bert": "embeddings.token_type_embeddings.weight", "distilbert": "attention.q_lin.weight"}
    family = config_of(folder)["model_type"]
    if family in missing:
        title = {"bert": "BERT", "distilbert": "DistilBERT"}[family]
        assert message == (
            f"the base model: config.json: the checkpoint has no tensor {missing[family]!r}, which {title} models have."
        )
    else:  # of the others, a size differs first
        assert re.fullmatch(
            r"the base model: config\.json: key '\w+' is \d+, but tensor '[\w.]+' of the checkpoint has the shape "
            r"\[\d+, \d+\]\.",
            message,
        )


def test_there_are_hundreds_of_variants() -> None:
    assert sum(len(keys_of_config(family)) for family in EVERY_KEY) * (len(VALUES) + 2) > 1000
