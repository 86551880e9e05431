"""How much memory and disk of this machine a run may use, resolved once into its plan."""

import math
from collections.abc import Mapping
from typing import Any

from finetooth.errors import RecipeError
from finetooth.models.batching import Tokens
from finetooth.recipe import Candidate, Recipe, Training
from finetooth.runs.plan_file import FROZEN, CandidatePlan, KeptStates
from finetooth.training.schedule import Schedule

# Two micro-batches of 1,024; more tokens were not faster (docs/experiments.md) and use more memory. On a GPU,
# enough for a batch of 64 long texts, which is a guess: nobody has measured it.
MOST_TOKENS, MOST_TOKENS_GPU = 2048, 32_768
MEMORY_SHARE, DISK_SHARE = 0.5, 0.5  # of what is free


def token_budget(config: Any, recipe: Recipe, *, free_bytes: int | None) -> int:
    """Most tokens computed at a time in training: as the recipe says, or what fits in memory, at most MOST_TOKENS.

    free_bytes: free memory of the device of training, None if not known.
    """
    requested = recipe.training.token_budget
    if requested != "auto":
        return requested
    most = MOST_TOKENS if recipe.training.device == "cpu" else MOST_TOKENS_GPU
    if free_bytes is None:
        return most
    room = int(MEMORY_SHARE * free_bytes / _token_bytes(config, recipe))
    return max(min(room, most), min(recipe.max_tokens, most))


def candidate_plan(
    config: Any, candidate: Candidate, training: Training, *, targets: tuple[str, ...], train_rows: int
) -> CandidatePlan:
    """How a candidate that adapts these targets is trained.

    Raises: RecipeError if layers cannot be frozen as the candidate says (`then`).
    """
    from finetooth.models.adapters import layer_of
    from finetooth.models.packed import obstacle

    because = obstacle(config, candidate, training)
    layers = [layer_of(name) for name in targets]
    lowest = min((layer for layer in layers if layer is not None), default=0)
    depth = 0 if because or None in layers else lowest
    schedule = Schedule.of(training, train_rows)
    frozen = _frozen_depth(config, candidate, training, schedule, because=because, lowest=lowest)
    return CandidatePlan(targets=targets, fallback_reason=because, depth=depth, frozen_depth=frozen)


def _frozen_depth(
    config: Any, candidate: Candidate, training: Training, schedule: Schedule, *, because: str | None, lowest: int
) -> int:
    """How many encoder layers, from below, are frozen after an epoch (`then`); 0: none.

    Raises: RecipeError if that is impossible or would change nothing.
    """
    if candidate.then == "all":
        return 0
    count, trained_layers = int(config.num_hidden_layers), int(candidate.then.removeprefix("last-"))
    if training.device != "cpu":
        because = f"training.device: {training.device}"
    if because is not None:
        wrong = f"needs training without padding on the CPU, which this rules out: {because}"
    elif training.epochs == 1:
        wrong = "changes nothing in one epoch; set training.epochs to 2 or more, or to auto"
    elif count - trained_layers <= lowest:
        wrong = f"freezes no layer that is trained: of {count} layers, number {lowest + 1} is the lowest adapted"
    elif schedule.automatic and schedule.freezes_after >= schedule.latest:
        wrong = (
            f"freezes layers after {schedule.freezes_after:,} steps, and with so few rows the rate falls after "
            f"{schedule.latest:,} at the latest. Remove `then`, or use more rows"
        )
    else:
        return count - trained_layers
    raise RecipeError(f"candidate {candidate.name}: then: {candidate.then} {wrong}.")


def cache_plan(
    recipe: Recipe,
    candidates: Mapping[str, CandidatePlan],
    tokens: Mapping[str, Tokens],
    *,
    counts: Mapping[str, int],
    width: int,
    budget: int,
    free_bytes: int,
) -> dict[str, dict[str, KeptStates]]:
    """The hidden states to store for each depth and split, and for each row under FROZEN; within training.cache_bytes.

    States that are read only once are not stored. The states that save most per byte come first: the number of layers
    below, times the number of reads after the first. tokens: of the splits whose states are read, or a sample of them.
    counts: all rows of each split; bytes are estimated for all rows.
    """
    from finetooth.models.frozen_layer_cache import count_blocks

    room = min(recipe.training.cache_bytes, int(DISK_SHARE * free_bytes))
    depths = [candidate.depth for candidate in candidates.values()]
    plan: dict[str, dict[str, KeptStates]] = {str(depth): {} for depth in sorted(set(depths) - {0}, reverse=True)}
    saved: dict[tuple[int, str], int] = {}
    for depth in map(int, plan):
        trained_rows = depths.count(depth) * len(recipe.seeds)
        schedule = Schedule.of(recipe.training, counts["train"])
        epochs = math.ceil(schedule.typical / schedule.steps_per_epoch)
        scored = schedule.evaluations + 1  # and once for the reload check
        readings = {"train": trained_rows * epochs, "validation": trained_rows * scored, "test": trained_rows}
        saved |= {(depth, split): depth * (readings[split] - 1) for split in tokens if readings[split] > 1}
    for depth, split in sorted(saved, key=lambda state_key: -saved[state_key]):
        lengths = tokens[split].lengths
        scale = counts[split] / len(lengths)
        blocks, size = count_blocks(lengths, width=width, budget=budget, most_bytes=int(room / scale))
        size = int(size * scale)
        room -= size
        plan[str(depth)][split] = KeptStates(blocks=blocks, bytes=size)
    frozen = [name for name, candidate in candidates.items() if candidate.frozen_depth]
    if frozen:  # each is deleted after the training of its row, so all have the same room
        scale = counts["train"] / len(tokens["train"].lengths)
        most = int(room / scale)
        blocks, size = count_blocks(tokens["train"].lengths, width=width, budget=budget, most_bytes=most)
        plan[FROZEN] = dict.fromkeys(frozen, KeptStates(blocks=blocks, bytes=int(size * scale)))
    return plan


def _token_bytes(config: Any, recipe: Recipe) -> int:
    """Memory of a token of a micro-batch until its backward pass: 340 KB for MiniLM-L6, as measured."""
    inner = getattr(config, "intermediate_size", None) or config.hidden_dim
    values = 20 * config.hidden_size + 4 * inner
    if recipe.training.base_dropout != 0:  # the attention weights and their masks are kept
        values += 3 * config.num_attention_heads * recipe.max_tokens
    return int(4 * config.num_hidden_layers * values)
