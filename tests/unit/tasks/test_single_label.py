"""Labels: from values to names, from names to numbers, from scores to answers."""

import numpy as np
import pytest

from finetooth.errors import DataError, RecipeError
from finetooth.tasks import DEFAULT, single_label
from finetooth.tasks.value_names import value_name


def test_it_is_the_task_of_recipes_that_name_none() -> None:
    assert single_label.TASK is DEFAULT
    assert [metric.key for metric in DEFAULT.metrics] == ["accuracy", "loss", "macro_f1"]
    assert DEFAULT.parse is value_name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (" Positive ", "Positive"), (3, "3"), (1.0, "1"), (2.5, "2.5"), (-0.0, "0"), (True, "true"), ("NA", "NA"),
        ("nan", "nan"), (np.int64(4), "4"), (np.float32(2), "2"), ("cafe\u0301", "café"),
    ],
)  # fmt: skip
def test_label_names(value: object, name: str) -> None:
    assert value_name(value) == name


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "is missing"),
        ("  ", "is missing"),
        (float("nan"), "is nan, which is not a finite number"),
        (["a"], "is a list (['a']); one word, number or true/false is expected"),
        ({"a": 1}, "is an object ({'a': 1}); one word, number or true/false is expected"),
    ],
)
def test_values_that_are_no_label(value: object, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        value_name(value)
    assert str(caught.value) == reason


def test_numbers_sort_by_value_and_words_by_letters() -> None:
    assert single_label.resolve({"10", "9", "-1"}, declared=None).classes == ("-1", "9", "10")
    assert single_label.resolve({"b", "A", "a"}, declared=None).classes == ("A", "a", "b")


def test_whole_floats_are_the_same_class_in_every_split() -> None:
    labels = single_label.resolve({"0", "1"}, declared=None)
    assert labels.encode(["1.0", "0", "2", "x"]).tolist() == [1, 0, -1, -1]


def test_declared_names_for_numbers() -> None:
    labels = single_label.resolve({"0", "1"}, declared=["negative", "positive"])
    assert labels.encode(["1", "0", "1.0", "2"]).tolist() == [1, 0, 1, -1]
    named = single_label.resolve({"negative", "positive"}, declared=["positive", "negative"])
    assert named.encode(["positive", "negative", "1"]).tolist() == [0, 1, -1]
    numbers = single_label.resolve({"0", "1"}, declared=["1", "0"])
    assert numbers.encode(["0", "1"]).tolist() == [1, 0]


@pytest.mark.parametrize("names", [{"1.0", "2.0", "3.0"}, {"1.0", "2.0"}, {"1", "2.0", "+3"}])
def test_whole_floats_are_matched_to_declared_numbers_by_name_not_by_place(names: set[str]) -> None:
    labels = single_label.resolve(names, declared=["1", "2", "3", "4", "5"])
    assert (labels.first_number, labels.encode(["1.0", "2", "5.0", "0", "6.0"]).tolist()) == (None, [0, 1, 4, -1, -1])
    assert single_label.resolve({"1", "2"}, declared=["2.0", "1.0"]).encode(["1", "2.0"]).tolist() == [1, 0]


def test_large_whole_numbers_keep_all_their_digits() -> None:
    names = {"123456789012345678.0", "123456789012345679"}
    assert single_label.resolve(names, declared=None).classes == ("123456789012345678", "123456789012345679")


def test_wrong_declarations() -> None:
    with pytest.raises(RecipeError) as caught:
        single_label.resolve({"a", "b"}, declared=["a", "a"])
    assert str(caught.value) == "data.labels: 'a' occurs twice. Name every class once."
    with pytest.raises(RecipeError) as caught:
        single_label.resolve({"a", "b"}, declared=["a"])
    assert str(caught.value) == "data.labels: 1 name is declared; two classes or more are needed."
    with pytest.raises(DataError) as caught_data:
        single_label.resolve({"a"}, declared=["a", "b"])
    assert str(caught_data.value) == (
        "the training rows hold only the label 'a' of those declared; two classes or more are needed."
    )


def test_the_answer_is_the_first_of_equals() -> None:
    logits = np.array([[0.0, 1.0, 1.0], [3.0, 1.0, 2.0]], dtype=np.float32)
    assert single_label.answers(logits).tolist() == [1, 0]
