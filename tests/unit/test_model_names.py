"""Short names of models: each names one pinned source, which the recipe records."""

import re
from pathlib import Path
from typing import Any

import pytest

from finetooth import recipe, sources
from finetooth.errors import RecipeError, SourceError
from finetooth.recipe import MODEL_NAMES

REPOSITORY = Path(__file__).parents[2]
BARE: dict[str, Any] = {"name": "mine", "model": "minilm", "data": {"source": "a.csv"}}


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_short_name_is_recorded_as_its_pinned_source(name: str) -> None:
    source = MODEL_NAMES[name].source
    assert re.fullmatch(r"wheel:[\w.-]+==[\w.]+/[\w/]+#sha256=[0-9a-f]{64}", source)
    assert recipe.load(BARE | {"model": name}).model == source
    assert recipe.load(BARE | {"model": "owner/name"}, overrides=[f"model={name}"]).model == source


def test_the_recipe_with_the_short_name_equals_the_recipe_with_its_source() -> None:
    assert recipe.load(BARE) == recipe.load(BARE | {"model": MODEL_NAMES["minilm"].source})


def test_a_folder_of_that_name_is_refused_and_can_be_named(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "minilm").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        RecipeError, match=r"'minilm' is a short name and also a folder .* write ./minilm; .*wheel:gt-all"
    ):
        recipe.load(BARE)
    assert recipe.load(BARE | {"model": "./minilm"}).model == str(tmp_path / "minilm")


def test_an_unknown_short_name_lists_the_known_ones(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("FINETOOTH_CACHE", str(tmp_path))
    with pytest.raises(
        SourceError, match=r"minilmm: is not in the cache.* Did you mean 'minilm'\? Short names: minilm\."
    ):
        sources.fetch_model("minilmm", offline=True)
    with pytest.raises(SourceError) as caught:
        sources.fetch_model("owner/minilmm", offline=True)
    assert "Short names" not in str(caught.value)


def test_the_sources_page_lists_every_short_name() -> None:
    page = (REPOSITORY / "docs" / "sources.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", page, flags=re.MULTILINE))
    assert {name: rows.get(name) for name in MODEL_NAMES} == {name: item.about for name, item in MODEL_NAMES.items()}
    for item in MODEL_NAMES.values():
        assert item.source in page
        assert f"{item.parameters / 1e6:.1f} million" in page
