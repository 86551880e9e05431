"""Findings on a recipe's data: with lengths of the rows that were tokenized, and what refuses a run."""

from pathlib import Path

import pytest

import tiny
from finetooth.errors import DataError
from finetooth.pipeline import data_findings, preparation
from finetooth.preflight import Finding
from finetooth.progress import Silent
from finetooth.recipe import load


def test_cut_rows_are_those_of_the_sample(sources: Path, tmp_path: Path) -> None:
    values = tiny.recipe(sources / "model", sources / "reviews.csv", training={})
    values["data"] |= {"validation": 10, "test": 10}
    recipe = load(values | {"max_tokens": 16})
    material = preparation.gather(recipe, rejects=None, progress=Silent())
    tokens = preparation.tokenize_splits(recipe, material, folder=tmp_path / "tokens", sample=8, progress=Silent())
    (cut,) = [one for one in data_findings.findings(recipe, material, tokens, sample=8) if one.code == "cut_texts"]
    all_tokens = preparation.tokenize_splits(recipe, material, folder=tmp_path / "all", progress=Silent())
    lengths = {
        row: int(length)
        for split, split_tokens in all_tokens.items()
        for row, length in zip(
            preparation.split_of(material.dataset, split).ids, split_tokens.whole_lengths, strict=True
        )
    }
    assert 0 < len(cut.rows) <= 24
    for row in cut.rows:
        assert row.advice == f"shorten: {lengths[row.id]} tokens, 16 kept"


def test_a_run_is_refused_for_what_stops_alone() -> None:
    findings = [
        Finding("a", "stop", "One.", "Do it."),
        Finding("b", "stop", "Two.", "Do that."),
        Finding("c", "warn", "", ""),
    ]
    with pytest.raises(DataError) as caught:
        data_findings.refuse_to_run(findings)
    assert str(caught.value) == "One. Do it.\nTwo. Do that."
    data_findings.refuse_to_run(findings[2:])
