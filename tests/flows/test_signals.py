"""Signals, two commands in one folder, and what may not change between a run's beginning and its end."""

import os
import re
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import finetooth
import tiny
from finetooth.errors import ChangedError
from trials import Finished, Trial, ended

SAVED = "finetooth: interrupted; what is done is saved. Run the same command again to continue.\n"


def interrupt(trial: Trial, number: signal.Signals) -> tuple[int, str, float]:
    """Exit code, last words and seconds from the signal to the end of a command that was training."""
    starts = len(trial.starts())
    with ended(trial.start()) as process:
        trial.wait_for_training(process, starts=starts)
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
        return process.returncode, err, time.monotonic() - began


@pytest.fixture(scope="module")
def stopped(steady: Finished, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """A run stopped by SIGTERM while it trained; checked here, gone on with by the last test of this file."""
    trial = Trial(steady.trial.recipe, tmp_path_factory.mktemp("signals") / "run")
    code, err, seconds = interrupt(trial, signal.SIGTERM)
    assert (code, err.endswith(SAVED)) == (143, True), err
    assert seconds < 5
    last = trial.log()[-1]
    assert last["event"] == "checkpoint"
    assert 0 < last["step"] < 144
    return trial


def test_two_commands_in_one_folder_have_one_winner_and_sigint_saves(stopped: Trial) -> None:
    starts, saved = stopped.starts(), stopped.log()[-1]["step"]
    with ended(stopped.start()) as first:
        stopped.wait_for_training(first, starts=len(starts))
        second = stopped.finish()
        assert second.returncode == 1
        assert re.search(
            rf"finetooth: {re.escape(str(stopped.out))} is in use by process {first.pid} on \S+\. Wait until it ends, "
            r"or name another folder with --out\.\n$",
            second.stderr,
        ), second.stderr
        assert stopped.starts() == [*starts, saved]
        os.kill(first.pid, signal.SIGINT)
        _, err = first.communicate(timeout=60)
        assert (first.returncode, err.endswith(SAVED)) == (130, True), err


def changed(trial: Trial, message: str, **changes: Any) -> None:
    """Go on with the run with a changed recipe, and be refused in these words, with nothing written."""
    before = {item: item.read_bytes() for item in (trial.folder.plan, trial.folder.recipe, trial.row.log)}
    values = yaml.safe_load(trial.recipe.read_text())
    values["training"] |= changes.pop("training", {})
    with pytest.raises(ChangedError) as caught:
        finetooth.run(values | changes, out=trial.out)
    assert str(caught.value) == message.format(out=trial.out)
    assert all(item.read_bytes() == data for item, data in before.items())


GO_ON = "Undo the change to continue, or start another run with --out."


def test_a_changed_recipe_is_refused(stopped: Trial) -> None:
    changed(
        stopped,
        "{out}: the recipe differs from that of the run in this folder: training.learning_rate was 0.005, is 0.001. "
        + GO_ON,
        training={"learning_rate": 0.001},
    )


def test_a_changed_seed_is_refused(stopped: Trial) -> None:
    changed(
        stopped,
        "{out}: the recipe differs from that of the run in this folder: seeds.0 was 3, is 4. " + GO_ON,
        seeds=[4],
    )


def test_changed_data_is_refused(stopped: Trial) -> None:
    reviews = Path(yaml.safe_load(stopped.recipe.read_text())["data"]["source"])
    kept = reviews.read_bytes()
    try:
        reviews.write_bytes(kept.replace(b" 17,", b" 17!,"))
        with pytest.raises(ChangedError) as caught:
            finetooth.run(stopped.recipe, out=stopped.out)
    finally:
        reviews.write_bytes(kept)
    assert re.match(
        re.escape(f"{stopped.out}: the plan differs from that of the run in this folder: data_fingerprint was '")
        + r"[0-9a-f]{56,}'?.*, is '.*"
        + re.escape(f" {GO_ON}"),
        str(caught.value),
    ), str(caught.value)


def test_a_changed_base_is_refused(stopped: Trial) -> None:
    base = Path(yaml.safe_load(stopped.recipe.read_text())["model"])
    aside = base.with_name("aside")
    shutil.copytree(base, aside)
    try:
        shutil.rmtree(base)
        tiny.save_model(base, seed=9)
        with pytest.raises(ChangedError, match=r"in this folder: base\.sha256 was '.*; base\.weights_sha256 was '"):
            finetooth.run(stopped.recipe, out=stopped.out)
    finally:
        shutil.rmtree(base)
        aside.rename(base)


def test_other_threads_are_refused(stopped: Trial) -> None:
    threads = torch.get_num_threads()
    if threads == 1:
        pytest.skip("one thread is all there is here")
    refused = stopped.finish(OMP_NUM_THREADS="1")
    assert refused.returncode == 1
    assert refused.stderr.endswith(
        f"finetooth: {stopped.out}: this machine or its set-up differs from that of the run being resumed: threads was "
        f"{threads}, is 1. Results may differ, mostly in the last bits. Undo the change, or continue with "
        "--allow-inexact, which marks the run as inexact.\n"
    )


def test_after_all_this_it_ends_in_the_same_bytes(stopped: Trial, steady: Finished) -> None:
    done = stopped.finish()
    assert done.returncode == 0, done.stderr
    assert stopped.artifacts() == steady.trial.artifacts()
    assert stopped.openings() == 1
    starts = stopped.starts()
    assert starts[0] == 0 and starts[1:] == sorted(starts[1:])
