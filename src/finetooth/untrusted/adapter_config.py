"""adapter_config.json of a PEFT adapter: the keys that reach peft, those without effect, and what is refused."""

from collections.abc import Iterator, Mapping
from typing import Any

from finetooth.rules import (
    Problem,
    Rule,
    check_table,
    either,
    flag,
    integer,
    many,
    mapping,
    module_name,
    number,
    of_mapping,
    one_of,
    optional,
    text,
)
from finetooth.untrusted.code_keys import check_code
from finetooth.wording import short

MOST_RANK = 65_536
_RANK, _ALPHA = integer(1, MOST_RANK), number(0.0, 1e6, above=True)
_LAYER_NUMBER = integer(0, 999)
# Keys that reach peft's LoraConfig. fan_in_fan_out does not: every layer that we adapt is linear.
_USED: dict[str, Rule] = {
    "r": _RANK,
    "lora_alpha": _ALPHA,
    "lora_dropout": number(0.0, 1.0),
    "bias": one_of("none", "all", "lora_only"),
    "use_rslora": flag,
    "use_dora": flag,
    "target_modules": optional(many(module_name, 10_000)),
    "exclude_modules": optional(many(module_name, 10_000)),
    "modules_to_save": optional(many(module_name, 100)),
    "layers_pattern": optional(either(module_name, many(module_name, 100))),
    "layers_to_transform": optional(either(_LAYER_NUMBER, many(_LAYER_NUMBER, 1_000))),
    "rank_pattern": optional(mapping(module_name, _RANK, 10_000)),
    "alpha_pattern": optional(mapping(module_name, _ALPHA, 10_000)),
}
# Keys that say where the adapter comes from or how it was initialised.
_IDLE: dict[str, Rule] = {
    "peft_type": text(100),
    "task_type": optional(text(100)),
    "peft_version": optional(text(200)),
    "base_model_name_or_path": optional(either(text(), one_of(""))),
    "revision": optional(either(text(1_000), one_of(""))),
    "inference_mode": flag,
    "fan_in_fan_out": flag,
    "auto_mapping": optional(mapping(text(100), optional(text(1_000)), 10)),
}
_UNREAD = (
    "init_lora_weights", "megatron_core", "megatron_config", "qalora_group_size", "loftq_config", "eva_config",
    "corda_config", "lora_ga_config", "runtime_config", "ephemeral_gpu_offload",
)  # fmt: skip
_NAMES = ("target_modules", "exclude_modules", "modules_to_save", "layers_pattern", "rank_pattern", "alpha_pattern")


@of_mapping
def check_adapter_config(value: dict[str, Any]) -> Iterator[Problem]:
    """Check an adapter_config.json; for a method other than LoRA, only its code keys and patterns."""
    yield from check_code(value)
    patterns = [problem for key in _NAMES if (problem := _pattern(key, value.get(key)))]
    yield from patterns
    if value.get("peft_type") != "LORA":
        yield Problem(
            "peft_type", "unsupported", f"peft_type is {short(value.get('peft_type'))}; only LORA is supported."
        )
        return
    named = {problem.key.partition(".")[0] for problem in patterns}
    yield from (problem for problem in check_table(value, _USED | _IDLE) if problem.key not in named)
    yield from _unsupported(value)


def adapter_settings(value: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments of peft's LoraConfig from a checked adapter_config.json."""
    return {key: value[key] for key in _USED if value.get(key) is not None}


def _pattern(key: str, value: Any) -> Problem | None:
    """A problem if peft would run a name as a regular expression."""
    if isinstance(value, str) and key != "layers_pattern":
        return Problem(
            key, "pattern", f"{key} {short(value)} is a text, which would be read as a pattern;",
            " write the list of module names.",
        )  # fmt: skip
    names = [value] if isinstance(value, str) else value if isinstance(value, list | dict) else []
    strange = next((name for name in names if isinstance(name, str) and module_name(name)), None)
    if strange is None:
        return None
    return Problem(
        f"{key}.{strange[:60]}" if isinstance(value, dict) else key, "pattern",
        f"{key} holds {short(strange)}, which is not a literal module name and would be read as a pattern;",
        " write module names of letters, digits, '_', '-' and '.'.",
    )  # fmt: skip


def _unsupported(value: Mapping[str, Any]) -> Iterator[Problem]:
    start = value.get("init_lora_weights")
    if not (isinstance(start, bool) or start in (None, "gaussian")):
        yield Problem(
            "init_lora_weights", "unsupported",
            f"init_lora_weights {short(start)} changes the base model; it is not supported.",
        )  # fmt: skip
    for key, setting in value.items():
        if key not in _USED and key not in _IDLE and key not in _UNREAD and setting:
            yield Problem(
                key, "unsupported", f"{short(key)} in adapter_config.json is not supported (value {short(setting)})."
            )
