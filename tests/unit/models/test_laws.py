"""The laws of house style for small random models: what may not change, does not change."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from peft import PeftModel

import tiny
from finetooth.errors import DivergedError, ModelError
from finetooth.files import seal
from finetooth.models import adapters, artifact
from finetooth.models.artifact_files import ADAPTER_WEIGHTS, REFERENCE_INPUTS
from finetooth.models.batching import Input, tokenize
from finetooth.models.loading import Base, base_tensors, draw_head, hash_tensors, head_tensors, load_base
from finetooth.models.plain_pass import logits
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import load_tokenizer
from finetooth.recipe import Candidate

CLASSES = ("bad", "good")
TEXTS = [text for text, _ in tiny.texts(23, seed=5)]
WHOLE = Input(48, "head", False)
BIASES = ("none", "lora_only", "all")


@pytest.fixture(scope="module", params=["bert", "distilbert"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_model(tmp_path_factory.mktemp(request.param), request.param)


def base(folder: Path, **changes: Any) -> Base:
    return load_base(folder, **{"classes": CLASSES, "head_seed": 7, **changes})


def tokens(folder: Path, texts: list[str] | None = None) -> Any:
    return tokenize(load_tokenizer(folder), TEXTS if texts is None else texts, max_tokens=48)


def scored(model: Any, folder: Path, *, budget: int = 256) -> np.ndarray:
    return logits(model, tokens(folder), pad_id=0, budget=budget)


def candidate(**changes: Any) -> Candidate:
    return Candidate.model_validate({"name": "c", "rank": 4, **changes})


def saved(folder: Path, directory: Path, settings: Input = WHOLE, **changes: Any) -> tuple[TextModel, np.ndarray]:
    """A disturbed adapter saved at `place`, and its logits in memory."""
    clean = base(folder)
    weights = hash_tensors(base_tensors(clean))
    model = adapters.attach(clean, candidate(**changes), seed=7)
    tiny.disturb(model)
    predictor = TextModel(model.eval(), load_tokenizer(folder), CLASSES, settings, "c")
    artifact.save(
        predictor, directory, base=clean, base_folder=folder, source=artifact.Provenance("owner/name", "0" * 64),
        weights_sha256=weights, head_seed=7,
    )  # fmt: skip
    return predictor, scored(model, folder)


def test_probe_sentences_that_are_not_finite_are_neither_saved_nor_passed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(folder, tmp_path / "whole")
    monkeypatch.setattr(artifact, "reference_outputs", lambda predictor: np.full((8, 2), np.nan, np.float32))
    with pytest.raises(DivergedError, match="reference inputs"):
        saved(folder, tmp_path / "broken")
    assert not (tmp_path / "broken").exists()
    with pytest.raises(ModelError, match="reference outputs differ by nan"):
        artifact.load(tmp_path / "whole", base_folder=folder, name="c")


@pytest.mark.parametrize("bias", BIASES)
def test_a_fresh_adapter_is_the_base_exactly(folder: Path, bias: str) -> None:
    before = scored(base(folder).model, folder)
    fresh = adapters.attach(base(folder), candidate(bias=bias), seed=7)
    np.testing.assert_array_equal(scored(fresh, folder), before)


def test_a_disabled_adapter_is_the_base_exactly_where_no_bias_is_trained(folder: Path) -> None:
    clean = base(folder)
    before = scored(clean.model, folder)
    model = adapters.attach(clean, candidate(), seed=7)
    tiny.disturb(model)
    assert not np.array_equal(scored(model, folder), before)
    with model.disable_adapter():
        np.testing.assert_array_equal(scored(model, folder), before)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("rslora", [False, True])
def test_reloaded_equals_in_memory_bitwise(folder: Path, tmp_path: Path, bias: str, rslora: bool) -> None:
    _, before = saved(folder, tmp_path / "adapter", bias=bias, rslora=rslora)
    again = artifact.load(tmp_path / "adapter", base_folder=folder, name="c")
    np.testing.assert_array_equal(scored(again.model, folder), before)


@pytest.mark.parametrize("bias", BIASES)
def test_merged_equals_unmerged_within_1e_4(folder: Path, tmp_path: Path, bias: str) -> None:
    predictor, before = saved(folder, tmp_path / "adapter", bias=bias)
    merged = scored(predictor.model.merge_and_unload(), folder)
    np.testing.assert_allclose(merged, before, rtol=0, atol=1e-4)


def test_the_head_is_trained_saved_and_restored(folder: Path, tmp_path: Path) -> None:
    clean = base(folder)
    start = {name: tensor.clone() for name, tensor in head_tensors(clean).items()}
    saved(folder, tmp_path / "adapter")
    again = artifact.load(tmp_path / "adapter", base_folder=folder, name="c")
    adapted = {
        name.replace("base_model.model.", "").replace(".modules_to_save.default", ""): tensor
        for name, tensor in again.model.state_dict().items()
        if ".modules_to_save." in name
    }
    assert set(adapted) == set(start)
    assert all(not torch.equal(adapted[name], start[name]) for name in start)


def test_original_and_candidate_of_one_seed_share_the_heads_start(folder: Path) -> None:
    first, second, other = base(folder), base(folder), base(folder, head_seed=8)
    model = adapters.attach(second, candidate(), seed=7)
    for name, tensor in head_tensors(first).items():
        part, _, leaf = name.rpartition(".")
        trained = model.get_parameter(f"base_model.model.{part}.modules_to_save.default.{leaf}")
        assert torch.equal(trained, tensor)
        assert leaf == "bias" or not torch.equal(head_tensors(other)[name], tensor)


def test_a_head_drawn_again_is_the_one_its_seed_draws(folder: Path) -> None:
    one, other = base(folder), base(folder, head_seed=8)
    draw_head(one, 8)
    assert all(torch.equal(tensor, head_tensors(other)[name]) for name, tensor in head_tensors(one).items())
    draw_head(one, 7)
    assert all(torch.equal(tensor, head_tensors(base(folder))[name]) for name, tensor in head_tensors(one).items())
    assert hash_tensors(base_tensors(one)) == hash_tensors(base_tensors(other))


def untrained(folder: Path, directory: Path, more_heads: dict[int, dict[str, torch.Tensor]]) -> Base:
    """An original model saved at `place` with heads of other seeds."""
    clean = base(folder)
    artifact.save(
        TextModel(clean.model, load_tokenizer(folder), CLASSES, WHOLE, "original"), directory, base=clean,
        base_folder=folder, source=artifact.Provenance("owner/name", "0" * 64),
        weights_sha256=hash_tensors(base_tensors(clean)), head_seed=7, more_heads=more_heads,
    )  # fmt: skip
    return clean


def test_untrained_heads_are_saved_and_read_by_seed(folder: Path, tmp_path: Path) -> None:
    heads = {seed: {k: v.clone() for k, v in head_tensors(base(folder, head_seed=seed)).items()} for seed in (8, 9, 10)}
    clean = untrained(folder, tmp_path / "adapter", heads)
    actual = artifact.heads_of(tmp_path / "adapter")
    assert list(actual) == [7, 8, 9, 10]
    for seed, head in (heads | {7: head_tensors(clean)}).items():
        assert head.keys() == actual[seed].keys()
        assert all(torch.equal(tensor, actual[seed][name]) for name, tensor in head.items())
    again = artifact.load(tmp_path / "adapter", base_folder=folder, name="original")
    np.testing.assert_array_equal(scored(again.model, folder), scored(clean.model, folder))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("lost", "1 tensor is missing, first 'classifier.bias'; nothing was loaded."),
        (
            "shape",
            "tensor 'classifier.bias' has shape (3,), the model needs (2,); it was made for another base, rank or "
            "number of labels.",
        ),
        ("nan", "tensor 'classifier.bias' holds a value that is not finite."),
    ],
)
def test_a_head_unlike_the_first_is_refused(folder: Path, tmp_path: Path, change: str, problem: str) -> None:
    head = {name: tensor.clone() for name, tensor in head_tensors(base(folder, head_seed=8)).items()}
    if change == "lost":
        del head["classifier.bias"]
    elif change == "shape":
        head["classifier.bias"] = torch.zeros(3)
    else:
        head["classifier.bias"][0] = float("nan")
    untrained(folder, tmp_path / "adapter", {8: head})
    with pytest.raises(ModelError) as caught:
        artifact.heads_of(tmp_path / "adapter")
    assert str(caught.value) == f"the saved head of seed 8: {problem}"


# The loader maps the base's file, and on some processors the last bit of a product depends on where a tensor lies.
ALIGNED = """
print(logits.tolist())
for tensor in [*model.parameters(), *model.buffers()]:
    tensor.data = tensor.data.clone()
with torch.inference_mode():
    print(model(**batch).logits.tolist())
"""


def test_plain_peft_gives_the_same_logits_by_the_code_in_the_readme(folder: Path, tmp_path: Path) -> None:
    inputs = {"whole": Input(48, "head", False), "cut": Input(8, "head_tail", False)}
    predictors = {
        name: saved(folder, tmp_path / name, settings, bias="lora_only")[0] for name, settings in inputs.items()
    }
    program, promised = "", {}
    for name in predictors:  # one process for both: most of its time goes into imports
        readme = (tmp_path / name / "README.md").read_text()
        promised[name] = re.findall("# for this text: (.*)", readme)
        code = re.findall(r"```python\n(.*?)```", readme, re.S)[0]
        program += f"ADAPTER, BASE = {str(tmp_path / name)!r}, {str(folder)!r}\n{code}\n{ALIGNED}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    lines = iter(done.stdout.strip().splitlines())
    for name, predictor in predictors.items():
        label, printed, aligned = itertools.islice(lines, 3)
        expected = predictor.logits(predictor.tokenize([REFERENCE_INPUTS[0]]))
        np.testing.assert_allclose(
            np.asarray(eval_floats(printed), np.float32), expected, rtol=0, atol=1e-6, err_msg=name
        )
        np.testing.assert_array_equal(np.asarray(eval_floats(aligned), np.float32), expected, err_msg=name)
        assert promised[name] == [label] == [f"{CLASSES[int(expected.argmax())]!r} {expected.max():.2f}"]
    assert next(lines, None) is None
    # The head comes with the adapter; what transformers says of the base alone would have a reader look for a fault.
    assert "MISSING" not in done.stderr and "newly initialized" not in done.stderr


def test_a_base_that_is_not_the_adapters_prints_another_line_than_the_readme_says(folder: Path, tmp_path: Path) -> None:
    saved(folder, tmp_path / "adapter")
    family = json.loads((folder / "config.json").read_text())["model_type"]
    other = tiny.save_model(tmp_path / "other", family, seed=9)
    readme = (tmp_path / "adapter" / "README.md").read_text()
    code = re.findall(r"```python\n(.*?)```", readme, re.S)[0]
    program = f"ADAPTER, BASE = {str(tmp_path / 'adapter')!r}, {str(other)!r}\n{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert [done.stdout.strip()] != re.findall("# for this text: (.*)", readme) != []


@pytest.mark.parametrize("content", ['{"do_lower_case": true, "model_max_length": 64}', None])
def test_the_artifacts_tokenizer_needs_nothing_of_the_bases_config(tmp_path: Path, content: str | None) -> None:
    """A short tokenizer_config.json, as the oldest checkpoints have it, leaves the rest to config.json."""
    folder = tiny.save_model(tmp_path / "m")
    path = folder / "tokenizer_config.json"
    path.unlink() if content is None else path.write_text(content)
    predictor, _ = saved(folder, tmp_path / "adapter")
    again = artifact.load(tmp_path / "adapter", base_folder=folder, name="c")
    assert again.tokenizer.pad_token_id == predictor.tokenizer.pad_token_id == 0
    np.testing.assert_array_equal(again.tokenize(TEXTS).ids, predictor.tokenize(TEXTS).ids)


@pytest.mark.parametrize("lost", ["base", "input", "reference_logits", "head_seed"])
def test_an_identity_that_lacks_a_field_is_refused_plainly(folder: Path, tmp_path: Path, lost: str) -> None:
    saved(folder, tmp_path / "adapter")
    identity = json.loads((tmp_path / "adapter" / "finetooth.json").read_text())
    del identity[lost]
    (tmp_path / "adapter" / "finetooth.json").write_text(json.dumps(identity))
    with pytest.raises(ModelError, match=rf"^c: the adapter: finetooth.json: key '{lost}' is missing"):
        artifact.load(tmp_path / "adapter", base_folder=folder, name="c")


def eval_floats(text: str) -> list[list[float]]:
    return [[float(number) for number in row.split(",")] for row in re.findall(r"\[([^\[\]]+)\]", text)]


def test_targets_are_found_by_structure_and_by_name(folder: Path) -> None:
    clean = base(folder)
    every = adapters.match(clean, targets="all-linear")
    attention, mlp = adapters.match(clean, targets="attention"), adapters.match(clean, targets="mlp")
    assert (len(every), len(attention), len(mlp)) == (12, 8, 4)
    assert set(every) == set(attention) | set(mlp)
    last = adapters.match(clean, targets="all-linear", layers="last-1")
    assert len(last) == 6 and all(".1." in name for name in last)
    names = ["q_lin", "v_lin"] if folder.name.startswith("distil") else ["query", "value"]
    assert len(adapters.match(clean, targets=names)) == 4


def test_an_unknown_target_is_refused_with_what_there_is(tmp_path: Path) -> None:
    clean = base(tiny.save_model(tmp_path / "m", "distilbert"))
    with pytest.raises(ModelError) as caught:
        adapters.match(clean, targets=["q_line"])
    assert str(caught.value) == (
        "target 'q_line' is no linear layer of the encoder. Did you mean 'q_lin'? There are: k_lin, lin1, lin2, "
        "out_lin, q_lin, v_lin; or a group: all-linear, attention, mlp."
    )


@pytest.mark.parametrize("family", ["bert", "distilbert"])
def test_a_head_of_the_checkpoint_is_aligned_by_label_names(tmp_path: Path, family: str) -> None:
    folder = tiny.save_model(tmp_path / "m", family, labels=["Good", "neutral", "Bad"])
    straight = load_base(folder, classes=("Good", "neutral", "Bad"), head_seed=0)
    turned = load_base(folder, classes=("bad", "good"), head_seed=0)
    assert straight.head == turned.head == "checkpoint"
    actual, expected = scored(turned.model, folder), scored(straight.model, folder)
    np.testing.assert_allclose(actual, expected[:, [2, 0]], rtol=0, atol=1e-6)
    assert load_base(folder, classes=("x", "y", "z"), head_seed=0).head == "new"


def test_a_head_whose_labels_are_others_is_never_used_by_position(tmp_path: Path) -> None:
    folder = tiny.save_model(tmp_path / "m", labels=["spam", "ham"])
    new = load_base(folder, classes=CLASSES, head_seed=0)
    old = load_base(folder, classes=("spam", "ham"), head_seed=0)
    assert (new.head, old.head) == ("new", "checkpoint")
    assert not torch.equal(new.model.classifier.weight, old.model.classifier.weight)


def test_new_layers_come_from_the_loaders_missing_keys(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    vocabulary = tiny.save_tokenizer(folder)
    transformers.BertForMaskedLM(tiny.config("bert", vocabulary)).save_pretrained(folder)  # brings no pooler
    assert load_base(folder, classes=CLASSES, head_seed=0).head_modules == ("bert.pooler.dense", "classifier")


def test_the_original_experiments_parameter_counts(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    tiny.save_tokenizer(folder)
    torch.manual_seed(0)
    transformers.DistilBertModel(transformers.DistilBertConfig()).save_pretrained(folder)
    for rank, trainable, percent in ((8, 827_138, 1.2205), (16, 1_048_322, 1.5419)):
        model = adapters.attach(
            base(folder), candidate(rank=rank, targets=["q_lin", "k_lin", "v_lin"], bias="lora_only"), seed=0
        )
        counts = adapters.parameters(model)
        assert counts.trainable == trainable == counts.adapter + counts.head + counts.bias
        assert (counts.head, counts.bias) == (592_130, 13_824)
        assert counts.peft_percent is not None and round(counts.peft_percent, 4) == percent
        assert counts.total == sum(value.numel() for value in model.base_model.parameters()) - 592_130


def test_every_flipped_byte_of_the_weights_is_refused(folder: Path, tmp_path: Path) -> None:
    saved(folder, tmp_path / "adapter")
    file = tmp_path / "adapter" / ADAPTER_WEIGHTS
    content = bytearray(file.read_bytes())
    for position in (0, 9, len(content) // 2, len(content) - 1):
        file.write_bytes(bytes(content[:position]) + bytes([content[position] ^ 1]) + bytes(content[position + 1 :]))
        with pytest.raises(ModelError, match=r"damaged: adapter_model\.safetensors differs from its manifest"):
            artifact.load(tmp_path / "adapter", base_folder=folder, name="c")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ("weight", "reference outputs differ"),
        ("labels", "labels is not"),
        ("tokenizer", "tokenizer is not"),
        ("base", "base weights is not"),
    ],
)
def test_a_resealed_forgery_is_refused_with_the_field_named(
    folder: Path, tmp_path: Path, change: str, field: str
) -> None:
    saved(folder, tmp_path / "adapter")
    directory, base_folder = tmp_path / "adapter", folder
    if change == "weight":
        file = directory / ADAPTER_WEIGHTS
        data = bytearray(file.read_bytes())
        data[-2] ^= 0x40
        file.write_bytes(bytes(data))
    elif change == "labels":
        (directory / "labels.json").write_text('{"schema": 1, "labels": ["good", "bad"]}')
    elif change == "tokenizer":
        text = (directory / "tokenizer.json").read_text()
        (directory / "tokenizer.json").write_text(text.replace('"lowercase": true', '"lowercase": false'))
    else:
        base_folder = tiny.save_model(tmp_path / "other", "distilbert" if "distil" in folder.name else "bert", seed=9)
    (directory / "MANIFEST.json").unlink()
    seal(directory)
    with pytest.raises(ModelError, match=field):
        artifact.load(directory, base_folder=base_folder, name="c")


def test_half_the_tensors_are_an_error_and_not_a_silent_base(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    saved(folder, tmp_path / "adapter")
    file = tmp_path / "adapter" / ADAPTER_WEIGHTS
    tensors = dict(list(load_file(file).items())[::2])
    save_file(tensors, file)
    with pytest.raises(ModelError, match="tensors are missing, first"):
        adapters.load(base(folder), tmp_path / "adapter")


def test_equal_adapters_give_equal_bytes(folder: Path, tmp_path: Path) -> None:
    saved(folder, tmp_path / "one", bias="all")
    saved(folder, tmp_path / "two", bias="all")
    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # peft 0.21 with transformers 5
def test_plain_peft_loads_trained_biases(folder: Path, tmp_path: Path) -> None:
    _, before = saved(folder, tmp_path / "adapter", bias="all")
    loaded = transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    plain = PeftModel.from_pretrained(loaded, tmp_path / "adapter").eval()
    np.testing.assert_array_equal(scored(plain, folder), before)
