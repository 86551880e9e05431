"""Answers to texts of every form, by whatever engine: their order, the decision, pairs, bad inputs, streams."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fake_engine import CLASSES, FakeEngine, predictor, texts
from finetooth.errors import DataError
from finetooth.evaluation import deciding
from finetooth.evaluation.decisions import Abstention, Decision
from finetooth.models import predictor as module

TEXTS = texts(60, seed=5)
NEVER = Abstention("accuracy", 0.9, deciding.NEVER, coverage=0.0, accuracy_answered=None, curve=())


def labels(answers: Any) -> list[str | None]:
    return [answer["label"] for answer in answers]


@pytest.mark.parametrize("threads", [0, 2])
def test_answers_are_in_the_order_of_the_texts_and_those_of_each_text_alone(threads: int) -> None:
    answers = predictor(FakeEngine(threads=threads)).predict(TEXTS)
    alone = [predictor().predict([text])[0] for text in TEXTS]
    assert labels(answers) == labels(alone) and len(set(labels(answers))) == 3
    for one, other in zip(answers, alone, strict=True):
        assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-6)


@pytest.mark.parametrize(
    "decision",
    [
        Decision(),
        Decision(temperature=2.5),
        Decision(thresholds=(0.6, 0.2, 0.2)),
        Decision(costs=((1, 0, 5.0),)),
        Decision(abstention=replace(NEVER, below=0.45)),
    ],
    ids=["largest", "temperature", "thresholds", "costs", "abstention"],
)
def test_the_label_and_probabilities_are_those_of_the_decision(decision: Decision) -> None:
    ours = predictor(decision=decision)
    decided = decision.apply(ours.infer(TEXTS))
    for row, answer in enumerate(ours.predict(TEXTS)):
        label = int(decided.labels[row])
        assert answer["label"] == (None if decided.abstained[row] else CLASSES[label])
        assert answer["probability"] == decided.probabilities[row, label]
        assert answer["probabilities"] == dict(zip(CLASSES, decided.probabilities[row].tolist(), strict=True))
        assert answer.get("abstained") == (bool(decided.abstained[row]) if decision.abstention else None)
    if decision.abstention:
        assert 0 < decided.abstained.sum() < 60


def test_no_decision_moves_a_logit_and_one_that_never_answers_says_so() -> None:
    silent = predictor(decision=Decision(temperature=1.5, abstention=NEVER))
    assert np.array_equal(silent.infer(TEXTS), predictor().infer(TEXTS))
    assert labels(silent.predict(TEXTS)) == [None] * 60
    assert silent.predict([]) == [] == list(silent.stream([]))
    assert silent.infer([]).shape == (0, 3)


def test_progress_counts_every_text_once() -> None:
    done: list[int] = []
    predictor().predict(TEXTS, advance=done.append)
    assert sum(done) == 60


def test_tokens_that_are_known_give_the_logits_of_their_texts() -> None:
    ours = predictor()
    tokens = ours.input.tokenize(ours.tokenizer, TEXTS, name="c")
    assert np.array_equal(ours.infer_tokens(tokens), ours.infer(TEXTS))


@pytest.fixture
def windows_of_20(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INFERENCE_WINDOW", 20)


@pytest.mark.usefixtures("windows_of_20")
@pytest.mark.parametrize("count", [0, 1, 19, 20, 21, 60])
def test_a_stream_gives_the_answers_of_predict_one_after_another(count: int) -> None:
    texts = TEXTS[:count]
    expected = predictor().predict(texts)
    for form in (texts, tuple(texts), iter(texts), pd.Series(texts, dtype="str"), np.array(texts, dtype="U200")):
        assert list(predictor().stream(form)) == expected
    frame = pd.DataFrame({"review": texts})
    assert list(predictor(columns={"text": "review"}).stream(frame)) == expected


@pytest.mark.usefixtures("windows_of_20")
def test_a_stream_reads_at_most_two_windows_ahead_of_its_answers() -> None:
    read: list[str] = []

    def endless() -> Iterator[str]:
        while True:
            for text in TEXTS:
                read.append(text)
                yield text

    answers = predictor().stream(endless())
    for number, _ in enumerate(islice(answers, 200), start=1):
        assert len(read) <= 20 * ((number - 1) // 20 + 2)
    answers.close()
    assert len(read) == 220


@pytest.mark.usefixtures("windows_of_20")
def test_a_stream_of_pairs_takes_two_streams() -> None:
    ours = predictor(pairs=True)
    expected = ours.predict(TEXTS[:30], TEXTS[30:])
    assert list(ours.stream(iter(TEXTS[:30]), iter(TEXTS[30:]))) == expected
    for firsts, seconds in ((45, 44), (40, 60)):
        with pytest.raises(DataError, match=r"texts but \d+ second texts: give one second text for each"):
            list(ours.stream((TEXTS * 2)[:firsts], iter((TEXTS * 2)[:seconds])))
    with pytest.raises(DataError, match="c was trained on pairs of texts"):
        next(ours.stream(TEXTS))
    with pytest.raises(DataError, match="c was trained on single texts"):
        next(predictor().stream(TEXTS, TEXTS))


@pytest.mark.usefixtures("windows_of_20")
def test_a_bad_text_in_a_stream_is_named_by_its_index_in_the_stream() -> None:
    with pytest.raises(TypeError, match=r"^texts\[43\] is None, not a text\."):
        list(predictor().stream([*TEXTS[:43], None]))
    with pytest.raises(TypeError, match=r"^pairs\[21\] is float nan, not a text\."):
        list(predictor(pairs=True).stream(TEXTS[:22], [*TEXTS[:21], float("nan")]))
    with pytest.raises(TypeError, match=r"texts is one text \(str 'a film'\)"):
        next(predictor().stream("a film"))


def test_texts_are_taken_from_data_frames_series_arrays_and_generators() -> None:
    answers = predictor().predict(TEXTS[:4])
    frame = pd.DataFrame({"votes": range(4), "review": TEXTS[:4]}, index=[5, 6, 7, 8])
    for values in (frame["review"], np.array(TEXTS[:4]), tuple(TEXTS[:4]), iter(TEXTS[:4])):
        assert predictor().predict(values) == answers
    assert predictor(columns={"text": "review"}).predict(frame) == answers
    polars = pytest.importorskip("polars")
    assert predictor(columns={"text": "review"}).predict(polars.from_pandas(frame)) == answers


def test_a_data_frame_is_never_read_as_the_names_of_its_columns() -> None:
    frame = pd.DataFrame({"text": TEXTS[:2], "label": ["bad", "good"]})
    for ask in (predictor().predict, lambda frame: list(predictor().stream(frame))):
        with pytest.raises(DataError) as caught:
            ask(frame)
        assert str(caught.value) == (
            "the DataFrame: the column of the texts is not known. Its columns: 'text' and 'label'. Pass the column "
            "itself: frame['text']."
        )
    with pytest.raises(DataError, match="has no column 'review', the column of the texts in training"):
        predictor(columns={"text": "review"}).predict(frame)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", None], "texts[1] is None, not a text."),
        (pd.Series(["a", float("nan")]), "texts[1] is float nan, not a text."),
        ([("a", "b")], "texts[0] is tuple ('a', 'b'), not a text. This model reads single texts: join the two"),
        ("a film", "texts is one text (str 'a film'), not a list of texts. For one text, pass [text]."),
        ({"text": "a film"}, "texts has type dict."),
    ],
)
def test_what_is_no_text_is_a_type_error(values: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        predictor().predict(values)
    assert message in str(caught.value)


def test_pairs_are_two_lists_or_two_columns() -> None:
    paired = predictor(pairs=True, columns={"text": "first", "text_pair": "second"})
    frame = pd.DataFrame({"first": TEXTS[:3], "second": TEXTS[3:6]})
    answers = paired.predict(TEXTS[:3], TEXTS[3:6])
    assert paired.predict(frame) == paired.predict(frame["first"], frame["second"]) == answers
    assert answers != paired.predict(TEXTS[3:6], TEXTS[:3])
    with pytest.raises(TypeError, match=r"texts\[0\] is tuple .* as two lists: predict\(firsts, seconds\)"):
        paired.predict([("a", "b")])
    with pytest.raises(TypeError, match=r"pairs\[1\] is None"):
        paired.predict(["a", "b"], ["c", None])
    with pytest.raises(DataError, match="2 texts but 1 second text: give one second text for each"):
        paired.predict(["a", "b"], ["c"])
    with pytest.raises(DataError, match="c was trained on pairs of texts; give predict"):
        paired.predict(["a", "b"])
    with pytest.raises(DataError, match="c was trained on single texts; leave the second texts out"):
        predictor().predict(["a", "b"], ["c", "d"])


@pytest.mark.parametrize("threads", [0, 2])
def test_two_threads_get_the_answers_of_one_and_leave_the_tokenizer_as_it_is(threads: int) -> None:
    ours = predictor(FakeEngine(threads=threads), pairs=True)
    expected = [ours.predict(TEXTS, TEXTS[::-1]), ours.predict(TEXTS[::-1], TEXTS)]
    backend = ours.tokenizer.backend_tokenizer
    backend.enable_truncation(5)  # as another user of the object may have done
    backend.enable_padding(length=40)
    before = backend.to_str()
    answers: dict[int, list[Any]] = {0: [], 1: []}
    start = threading.Barrier(2)

    def work(number: int) -> None:
        start.wait(30)
        for _ in range(5):
            answers[number].append(ours.predict(*((TEXTS, TEXTS[::-1]) if number == 0 else (TEXTS[::-1], TEXTS))))

    workers = [threading.Thread(target=work, args=(number,)) for number in answers]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert answers == {number: [expected[number]] * 5 for number in answers}
    assert backend.to_str() == before
