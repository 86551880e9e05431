"""Texts and labelled rows from Python objects: what is accepted, and what is refused with its index."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from finetooth.data.frames import is_table, save_table, table_of, texts_of
from finetooth.errors import DataError

ROWS = {"text": ["warm", "tiède", "cold"], "label": ["x", "y", "x"], "votes": [1, 2, 3]}
FRAME = pd.DataFrame(ROWS)


class Streamed:
    """A frame of another library: it has only the Arrow C stream interface; strings are views, as in polars."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        label = pa.array(["x", "y", "x"]).dictionary_encode()
        label = pa.DictionaryArray.from_arrays(label.indices, pa.array(["x", "y"], pa.string_view()))
        table = pa.table({"text": pa.array(ROWS["text"], pa.string_view()), "label": label, "votes": ROWS["votes"]})
        return table.__arrow_c_stream__(requested_schema)


def polars_frame() -> Any:
    return pytest.importorskip("polars").DataFrame(ROWS)


@pytest.mark.parametrize(
    "values",
    [
        ROWS["text"], tuple(ROWS["text"]), iter(ROWS["text"]), np.array(ROWS["text"]),
        np.array(ROWS["text"], dtype=object), FRAME["text"], FRAME["text"].astype("category"), FRAME,
        FRAME.set_index(pd.Index([7, 8, 9])), pa.table(FRAME), pa.array(ROWS["text"]), pa.chunked_array([ROWS["text"]]),
    ],
    ids=lambda values: type(values).__name__,
)  # fmt: skip
def test_texts_are_read_from_every_kind_of_sequence(values: Any) -> None:
    texts = texts_of(values, column="text")
    assert texts == ROWS["text"] and {type(text) for text in texts} == {str}


def test_texts_are_read_from_polars() -> None:
    frame = polars_frame()
    assert texts_of(frame, column="text") == texts_of(frame["text"]) == ROWS["text"]
    with pytest.raises(TypeError, match="texts has type LazyFrame"):
        texts_of(frame.lazy())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["a", None], "texts[1] is None, not a text. A missing text has no label: leave it out"),
        (["a", float("nan")], "texts[1] is float nan, not a text. A missing text has no label"),
        (pd.Series(["a", pd.NA], dtype=object), "texts[1] is NAType <NA>, not a text. A missing text has no label"),
        (pd.Series(["a", None], index=[5, 6]), "texts[1] is float nan, not a text."),
        (pd.DataFrame({"text": ["a", None]}), "column 'text'[1] is float nan, not a text."),
        (
            [("a", "b")],
            "texts[0] is tuple ('a', 'b'), not a text. Pass the first and the second texts of pairs as two lists",
        ),
        (np.array([["a", "b"]]), "not a text. Pass the first and the second texts of pairs as two lists"),
        (["a", 3], "texts[1] is int 3, not a text. Convert it with str()"),
        ([b"ab"], "texts[0] is bytes b'ab', not a text."),
        ("film", "texts is one text (str 'film'), not a list of texts. For one text, pass [text]."),
        ({"a": 1}, "texts has type dict. Pass a list, array, Series or DataFrame of texts."),
        ({"a"}, "texts has type set."),
        (None, "texts has type NoneType."),
        (np.array("a"), "texts has type ndarray."),
    ],
)
def test_a_value_that_is_not_a_text_is_named_by_its_index(values: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        texts_of(values, column="text", paired=True)
    assert message in str(caught.value)


def test_a_frame_without_the_column_of_the_texts_is_refused_with_its_columns() -> None:
    with pytest.raises(DataError) as caught:
        texts_of(FRAME, column="txt")
    assert str(caught.value) == (
        "the DataFrame has no column 'txt', the column of the texts in training. Did you mean 'text'? Its columns: "
        "'text', 'label' and 'votes'. Pass the column itself: frame['text']."
    )
    with pytest.raises(DataError, match="the column of the texts is not known"):
        texts_of(FRAME)


def test_a_frame_of_any_number_of_columns_has_one_with_the_texts() -> None:
    wide = pd.DataFrame([["a film", *[0] * 10_000]], columns=["text", *map(str, range(10_000))])
    assert texts_of(wide, column="text") == ["a film"]
    with pytest.raises(DataError) as caught:
        table_of(wide)
    assert str(caught.value) == (
        "the DataFrame: 10,001 columns, more than the limit of 10,000. Select the columns that you need."
    )


@pytest.mark.parametrize(
    "data",
    [
        FRAME, FRAME.set_index(pd.Index([7, 8, 9])), FRAME.astype({"label": "category"}), pa.table(FRAME), Streamed(),
        [dict(zip(ROWS, row, strict=True)) for row in zip(*ROWS.values(), strict=True)],
    ],
    ids=["pandas", "pandas index", "pandas category", "pyarrow", "Arrow stream", "mappings"],
)  # fmt: skip
def test_equal_rows_of_any_library_give_equal_files(data: Any, tmp_path: Path) -> None:
    path = save_table(FRAME, tmp_path / "whole.parquet")
    assert save_table(data, tmp_path / "new" / "data.parquet").read_bytes() == path.read_bytes()


def test_equal_rows_of_polars_give_an_equal_file(tmp_path: Path) -> None:
    frame = polars_frame()
    polars = pytest.importorskip("polars")
    coded = frame.with_columns(polars.col("label").cast(polars.Categorical))
    path = save_table(FRAME, tmp_path / "whole.parquet").read_bytes()
    assert save_table(frame, tmp_path / "a").read_bytes() == save_table(coded, tmp_path / "b").read_bytes() == path
    with pytest.raises(TypeError, match=r"has type LazyFrame.*pass data\.collect\(\)"):
        table_of(frame.lazy())


@pytest.mark.parametrize(
    "rows", [[("a", "x"), ("b", "y")], np.array([["a", "x"], ["b", "y"]]), [["a", "x"], ["b", "y"]]]
)
def test_pairs_of_text_and_label_are_rows(rows: Any) -> None:
    assert table_of(rows).to_pydict() == {"text": ["a", "b"], "label": ["x", "y"]}


def test_missing_values_stay_missing_for_the_reader_to_name() -> None:
    frame = pd.DataFrame({"text": pd.Series(["a", None], dtype=object), "label": [1.0, float("nan")]})
    assert table_of(frame).to_pydict() == {"text": ["a", None], "label": [1.0, None]}
    assert table_of([{"text": "a"}, {"label": "x"}]).to_pydict() == {"text": ["a", None], "label": [None, "x"]}


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (
            pd.DataFrame({"text": ["a", 3], "label": [1, 2]}),
            DataError,
            "row 1 str 'a', row 2 int 3. Convert it to one type",
        ),
        (pd.concat([FRAME, FRAME], axis=1), DataError, "two columns have the name 'text'"),
        (FRAME.iloc[:0], DataError, "the data has no rows"),
        ([], DataError, "the data has no rows"),
        (FRAME["text"], TypeError, "has type Series, which has no rows with a text and a label"),
        (["a", "b"], TypeError, "row 1 of the data is str 'a'. Pass a (text, label) pair or a mapping"),
        ({"text": ["a"]}, TypeError, "has type dict"),
        (None, TypeError, "has type NoneType"),
    ],
)
def test_data_without_rows_is_refused(data: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        table_of(data)
    assert message in str(caught.value)


def test_a_table_is_distinguished_from_a_list() -> None:
    assert is_table(FRAME) and is_table(pa.table(FRAME))
    assert not any(map(is_table, ("x.csv", Path("x.csv"), ["a"], {"text": []}, np.array(["a"]), FRAME["text"], None)))
