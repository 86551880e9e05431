"""The contract of an engine: what holds of whatever computes logits, however it does it."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny
from fake_engine import VOCABULARY, FakeEngine
from finetooth.models import adapters
from finetooth.models.batching import Tokens, batch_of
from finetooth.models.engine import Batch, Engine
from finetooth.models.loading import load_base
from finetooth.models.packed_inference import InferencePass
from finetooth.models.plain_pass import PlainEngine
from finetooth.models.streaming import logits_of
from finetooth.recipe import Candidate

CLASSES = ("bad", "good", "neither")
ROUNDING = 1e-5  # what finetooth.models.engine allows
LONGEST = 64  # positions of the tiny model
PAD = 0

ENGINES = ("fake", "fake, 2 threads", "plain", "packed float32")
every_engine = pytest.mark.parametrize("name", ENGINES)


@pytest.fixture(scope="module")
def engine_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Engine]:
    """Engines by name; those on torch compute one tiny model, its adapter trained."""
    models: list[Any] = []

    def model() -> Any:
        if not models:
            folder = tiny.save_model(tmp_path_factory.mktemp("bert"))
            base = load_base(folder, classes=CLASSES, head_seed=7)
            candidate = Candidate.model_validate({"name": "c", "rank": 4, "targets": "all-linear"})
            models.append(tiny.disturb(adapters.attach(base, candidate, seed=7)).eval())
        return models[0]

    makers: dict[str, Callable[[], Engine]] = {
        "fake": FakeEngine,
        "fake, 2 threads": lambda: FakeEngine(threads=2),
        "plain": lambda: PlainEngine(model()),
        "packed float32": lambda: InferencePass(model(), "float32"),
    }
    return lambda name: makers[name]()


EngineOf = Callable[[str], Engine]


def tokens_of(count: int = 30, *, pairs: bool = False, seed: int = 0, longest: int = LONGEST) -> Tokens:
    """Tokens of examples of 2 to `longest` tokens."""
    draw = np.random.default_rng(seed)
    lengths = draw.integers(2, longest + 1, count)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    ids = draw.integers(5, VOCABULARY, starts[-1]).astype(np.int32)
    types = None
    if pairs:
        types = np.concatenate([np.arange(length) >= length // 2 for length in lengths]).astype(np.uint8)
    return Tokens(ids, starts, types, lengths)


def batch(tokens: Tokens, rows: Any = None) -> Batch:
    chosen = np.arange(len(tokens.lengths)) if rows is None else np.asarray(rows)
    return batch_of(tokens, chosen, pad_id=PAD)


def near(one: np.ndarray, other: np.ndarray) -> None:
    np.testing.assert_allclose(one, other, rtol=0, atol=ROUNDING)


@every_engine
@pytest.mark.parametrize("pairs", [False, True])
def test_logits_are_finite_float32_of_one_row_for_each_example_and_distinguish_them(
    engine_of: EngineOf, name: str, pairs: bool
) -> None:
    engine = engine_of(name)
    logits = engine.logits(batch(tokens_of(pairs=pairs)))
    assert engine.outputs == len(CLASSES)
    assert logits.shape == (30, len(CLASSES)) and logits.dtype == np.float32
    assert np.isfinite(logits).all() and logits.std(axis=0).min() > 1e-3


@every_engine
def test_the_order_of_the_examples_changes_rounding_alone(engine_of: EngineOf, name: str) -> None:
    engine, tokens = engine_of(name), tokens_of(pairs=True)
    order = np.random.default_rng(1).permutation(30)
    near(engine.logits(batch(tokens, order)), engine.logits(batch(tokens))[order])


@every_engine
def test_the_order_of_the_tokens_matters(engine_of: EngineOf, name: str) -> None:
    one = batch(tokens_of(1))
    turned = Batch(one.ids[:, ::-1].copy(), one.mask, one.types)
    engine = engine_of(name)
    assert np.abs(engine.logits(one) - engine.logits(turned)).max() > 10 * ROUNDING


@every_engine
def test_padding_and_company_change_rounding_alone(engine_of: EngineOf, name: str) -> None:
    engine, tokens = engine_of(name), tokens_of(longest=40)
    together = engine.logits(batch(tokens))
    alone = np.concatenate([engine.logits(batch(tokens, [row])) for row in range(30)])
    near(together, alone)
    one = batch(tokens)
    padded = Batch(*(np.pad(part, ((0, 0), (0, 17)), constant_values=PAD) for part in (one.ids, one.mask)))
    near(engine.logits(padded), together)


@every_engine
def test_segments_are_read_and_none_means_the_first_one(engine_of: EngineOf, name: str) -> None:
    engine, one = engine_of(name), batch(tokens_of(pairs=True))
    assert one.types is not None
    first = engine.logits(Batch(one.ids, one.mask, np.zeros_like(one.types)))
    near(engine.logits(Batch(one.ids, one.mask)), first)
    assert np.abs(engine.logits(one) - first).max() > 10 * ROUNDING


@every_engine
@pytest.mark.parametrize("length", [0, 5])
def test_an_empty_batch_has_no_logits(engine_of: EngineOf, name: str, length: int) -> None:
    engine, none = engine_of(name), np.empty((0, length), np.int64)
    for types in (None, none):
        logits = engine.logits(Batch(none, none, types))
        assert logits.shape == (0, len(CLASSES)) and logits.dtype == np.float32


@every_engine
def test_the_longest_example_is_computed_beside_the_shortest(engine_of: EngineOf, name: str) -> None:
    engine = engine_of(name)
    ids = np.random.default_rng(4).integers(5, VOCABULARY, LONGEST + 1).astype(np.int32)
    both = Tokens(ids, np.array([0, LONGEST, LONGEST + 1]), None, np.array([LONGEST, 1]))
    logits = engine.logits(batch(both))
    assert np.isfinite(logits).all()
    near(logits, np.concatenate([engine.logits(batch(both, [row])) for row in (0, 1)]))


@every_engine
def test_a_batch_is_not_changed_and_equal_calls_give_equal_bits(engine_of: EngineOf, name: str) -> None:
    engine, one = engine_of(name), batch(tokens_of(pairs=True))
    assert one.types is not None
    before = [part.copy() for part in (one.ids, one.mask, one.types)]
    engine.logits(one)  # a process's first pass is not always bitwise that of its later ones (ADR 5)
    first = engine.logits(one)
    assert engine.logits(one).tobytes() == first.tobytes()
    assert all(np.array_equal(*parts) for parts in zip(before, (one.ids, one.mask, one.types), strict=True))


@every_engine
def test_threads_that_compute_at_the_same_time_get_the_bits_of_one(engine_of: EngineOf, name: str) -> None:
    engine, tokens = engine_of(name), tokens_of()
    batches = [batch(tokens, rows) for rows in np.split(np.arange(30), 6)]
    results: dict[int, list[bytes]] = {}

    def work(number: int, barrier: threading.Barrier) -> None:
        if engine.threads:
            engine.prepare_thread()
        barrier.wait(30)
        results[number] = [engine.logits(one).tobytes() for one in batches]

    for numbers in ([0], [1, 2, 3]):
        barrier = threading.Barrier(len(numbers))
        threads = [threading.Thread(target=work, args=(number, barrier)) for number in numbers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(results) == 4 and all(other == results[0] for other in results.values())


@every_engine
def test_the_plan_holds_every_example_once_and_depends_on_the_lengths_alone(engine_of: EngineOf, name: str) -> None:
    engine = engine_of(name)
    lengths = np.random.default_rng(5).integers(1, LONGEST + 1, 200)
    plan = engine.batches(lengths)
    assert sorted(np.concatenate(plan).tolist()) == list(range(200))
    assert len(plan) > 1
    again = engine_of(name).batches(lengths.copy())
    assert [rows.tolist() for rows in plan] == [rows.tolist() for rows in again]
    assert engine.batches(np.empty(0, np.int64)) == []
    assert [rows.tolist() for rows in engine.batches(np.array([7]))] == [[0]]


@every_engine
def test_examples_of_a_batch_are_of_about_one_length(engine_of: EngineOf, name: str) -> None:
    engine = engine_of(name)
    lengths = np.random.default_rng(6).integers(1, LONGEST + 1, 2000)
    padded = sum(len(rows) * int(lengths[rows].max()) for rows in engine.batches(lengths))
    assert padded < 1.2 * lengths.sum()


@every_engine
def test_a_split_gets_the_logits_of_its_examples_in_their_order(engine_of: EngineOf, name: str) -> None:
    engine, tokens = engine_of(name), tokens_of(80, pairs=True)
    done: list[int] = []
    logits = logits_of(engine, tokens, pad_id=PAD, advance=done.append)
    near(logits, np.concatenate([engine.logits(batch(tokens, [row])) for row in range(80)]))
    assert sum(done) == 80
    assert logits_of(engine, tokens, pad_id=PAD).tobytes() == logits.tobytes()


def test_a_fake_of_other_logits_fails_the_law_of_order() -> None:
    class Broken(FakeEngine):
        def logits(self, batch: Batch) -> np.ndarray:
            return super().logits(batch) + np.arange(len(batch.ids), dtype=np.float32)[:, None]

    with pytest.raises(AssertionError):
        test_the_order_of_the_examples_changes_rounding_alone(lambda name: Broken(), "broken")


def test_no_torch_is_needed_for_the_contract(tmp_path: Path) -> None:
    program = """
import sys
sys.modules.update({"torch": None, "transformers": None, "peft": None})
sys.path.insert(0, sys.argv[1])
from fake_engine import FakeEngine, predictor, texts
asked = texts(50)
answers = predictor(FakeEngine(threads=2)).predict(asked)
assert answers == list(predictor().stream(iter(asked))) and len(answers) == 50
"""
    tests = str(Path(__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", program, tests], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
