"""A model answers by the pass that its gate allows, many texts as few."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tiny
from finetooth.errors import DataError
from finetooth.models import batching, predictor
from finetooth.models.agreement import Agreement, Measured
from finetooth.models.batching import Input
from finetooth.models.inference import ready
from finetooth.models.loading import load_base
from finetooth.models.packed_inference import InferencePass
from finetooth.models.text_model import TextModel
from finetooth.models.tokenizer import load_tokenizer

TEXTS = [text for text, _ in tiny.texts(60, seed=4)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TextModel:
    folder = tiny.save_model(tmp_path_factory.mktemp("model"))
    base = load_base(folder, classes=("bad", "good"), head_seed=7)
    return TextModel(base.model, load_tokenizer(folder), ("bad", "good"), Input(48, "head", pairs=False), "x")


def test_answers_are_those_of_the_plain_pass_but_for_rounding(trained: TextModel) -> None:
    plain, fast = ready(trained, "plain"), ready(trained, "float32")
    assert (plain.precision, fast.precision) == ("plain", "float32")
    assert fast.infer(TEXTS) == pytest.approx(plain.infer(TEXTS), abs=1e-5)
    assert np.array_equal(plain.infer(TEXTS), trained.logits(trained.tokenize(TEXTS)))
    assert [answer["label"] for answer in fast.predict(TEXTS)] == [answer["label"] for answer in plain.predict(TEXTS)]
    assert fast.predict([]) == []
    with pytest.raises(DataError, match="single texts"):
        fast.infer(TEXTS, TEXTS)


def test_texts_in_windows_and_tokens_give_the_bits_of_all_texts_at_once(
    trained: TextModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = ready(trained, "float32")
    monkeypatch.setattr(batching, "INFERENCE_WINDOW", 25)
    few = fast.infer(TEXTS)
    assert np.array_equal(fast.infer_tokens(trained.tokenize(TEXTS)), few)
    assert isinstance(fast.engine, InferencePass)
    assert np.array_equal(fast.engine.split_logits(trained.tokenize(TEXTS)), few)  # as it is compared on a split
    monkeypatch.setattr(predictor, "INFERENCE_WINDOW", 25)
    done: list[int] = []
    assert np.array_equal(fast.infer(TEXTS, advance=done.append), few)
    assert sum(done) == 60


def test_bfloat16_is_used_only_where_it_passed_the_gate(trained: TextModel) -> None:
    good, bad = Agreement(1000, 0, 0.8, 0.8, 0.0), Agreement(1000, 9, 0.8, 0.8, 0.0)
    assert ready(trained, "bfloat16").precision == "float32"
    assert ready(replace(trained, measured=Measured(None, bad)), "bfloat16").precision == "float32"
    assert ready(replace(trained, measured=Measured(None, good)), "bfloat16").precision == "bfloat16"
    assert ready(replace(trained, measured=Measured(None, good)), "plain").precision == "plain"
    # What prevented it on the machine where it was saved does not count here.
    assert ready(replace(trained, measured=Measured("another version")), "float32").precision == "float32"


@pytest.mark.parametrize(
    ("moved", "most", "used"), [(False, 0.0, "bfloat16"), (True, 0.0, "float32"), (True, 1.0, "bfloat16")]
)
def test_a_moved_adapter_is_used_in_bfloat16_only_where_that_changes_as_little_as_was_measured(
    trained: TextModel, moved: bool, most: float, used: str
) -> None:
    measured = Measured(None, Agreement(1000, 0, 0.8, 0.8, most))
    assert ready(replace(trained, measured=measured, moved=moved), "bfloat16").precision == used


def test_a_model_that_the_pass_cannot_compute_is_answered_by_the_plain_pass(tmp_path: Path) -> None:
    folder = tiny.save_model(tmp_path / "m")
    base = load_base(folder, classes=("bad", "good"), head_seed=7)
    base.model.config.hidden_act = "relu"
    predictor = ready(
        TextModel(base.model, load_tokenizer(folder), ("bad", "good"), Input(48, "head", pairs=False), "x"), "float32"
    )
    assert (predictor.precision, predictor.measured.fallback_reason) == ("plain", "activation 'relu'")
