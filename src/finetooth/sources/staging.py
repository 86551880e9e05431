"""Which files of a model or adapter folder are copied, and the checks that they hold neither pickles nor code."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetooth.errors import SourceError, did_you_mean
from finetooth.sources.regular_files import check_regular_files, copy_regular, hash_regular, open_regular
from finetooth.sources.safetensors_header import read_header
from finetooth.untrusted import check_file, parse

_TOKENIZER = frozenset(
    {
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab.txt", "vocab.json", "merges.txt",
    }
)  # fmt: skip
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")
_PICKLED = (".bin", ".pt", ".pth", ".ckpt")
_CONFIG_BYTES = 16 << 20
_TEXT_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Kind:
    """The files of one kind of folder.

    name: in messages. allowed: names of the files that are copied. config, weights: its main files; a model's weights
    may be in shards instead. required: files without which it is refused.
    """

    name: str
    allowed: frozenset[str]
    config: str
    weights: str
    required: tuple[str, ...]

    def allows(self, name: str) -> bool:
        """Whether a file of this name is copied."""
        return name in self.allowed or (self is MODEL and _SHARD.fullmatch(name) is not None)


MODEL = Kind(
    name="model",
    allowed=_TOKENIZER | {"config.json", "generation_config.json", "model.safetensors", "model.safetensors.index.json"},
    config="config.json",
    weights="model.safetensors",
    required=("config.json", "tokenizer.json"),
)
_OURS = _TOKENIZER | {"labels.json", "decision.json", "inference.json", "MANIFEST.json", "finetooth.json"}
ADAPTER = Kind(
    name="adapter",
    allowed=_OURS | {"adapter_config.json", "adapter_model.safetensors", "README.md"},
    config="adapter_config.json",
    weights="adapter_model.safetensors",
    required=("adapter_config.json",),
)
# What Finetooth saves for the rows full and original where other rows have an adapter.
FULL_MODEL = Kind(
    name="adapter",
    allowed=_OURS | {"config.json", "model.safetensors"},
    config="finetooth.json",
    weights="model.safetensors",
    required=("config.json", "tokenizer.json"),
)
HEAD = Kind(
    name="adapter",
    allowed=_OURS | {"head.safetensors", "heads.safetensors"},
    config="finetooth.json",
    weights="head.safetensors",
    required=("tokenizer.json",),
)


def artifact_kind(folder: Path) -> Kind:
    """The kind of a folder that Finetooth or another program saved: ADAPTER, FULL_MODEL or HEAD."""
    if (folder / "finetooth.json").is_file() and not (folder / ADAPTER.config).is_file():
        return next((kind for kind in (FULL_MODEL, HEAD) if (folder / kind.weights).is_file()), ADAPTER)
    return ADAPTER


def listing(folder: Path, kind: Kind) -> list[str]:
    """Names of the folder's files that are copied, sorted.

    Raises: SourceError naming a link in the folder, or an allowed file that is not regular.
    """
    names = sorted(item.name for item in folder.iterdir() if kind.allows(item.name))
    check_regular_files(folder, names)
    return names


def hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """{name: sha256} of regular files of the folder."""
    return {name: hash_regular(folder / name) for name in names}


def copy_out(folder: Path, target: Path, expected: dict[str, str]) -> None:
    """Copy the files named in `expected` ({name: sha256}) to `target`.

    Raises: SourceError naming a file that changed since it was hashed.
    """
    for name, digest in expected.items():
        if copy_regular(folder / name, target / name) != digest:
            raise SourceError(f"{folder / name}: changed while it was read. Try again when no program writes to it.")


def check_names(present: Iterable[str], kind: Kind, *, shown: str) -> None:
    """Check that the required files are among `present`, all names in the folder.

    Raises: SourceError naming what is missing and how to make it.
    """
    names = set(present)
    if kind.config not in names:
        raise SourceError(
            f"{shown}: {kind.config} is missing, so this folder holds no {kind.name}.{_hint(names, kind)}"
        )
    sharded = kind is MODEL and "model.safetensors.index.json" in names
    if kind.weights not in names and not sharded:
        pickled = sorted(name for name in names if name.endswith(_PICKLED) and name != "training_args.bin")
        if pickled:
            raise SourceError(
                f"{shown}: {pickled[0]} is a pickle, which can run code when it is read; only {kind.weights} is read. "
                f"If you trust the file, convert it in its folder: {conversion_command(pickled[0], kind.weights)}"
            )
        raise SourceError(
            f"{shown}: {kind.weights} is missing, so the folder has no weights. Fetch the file or save the {kind.name} "
            "again."
        )
    for name in kind.required:
        if name not in names:
            tokenizer = "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
            remedy = tokenizer if "tokenizer" in name else "model.save_pretrained(FOLDER)"
            raise SourceError(f"{shown}: {name} is missing. transformers writes it: {remedy}.")


def check(folder: Path, kind: Kind, *, shown: str) -> None:
    """Check the allowed files of the folder; the values of tensors are not read.

    Raises: SourceError naming the file that is refused, and the key or tensor.
    """
    for name in listing(folder, kind):
        path, label = folder / name, f"{shown}/{name}"
        size = path.stat().st_size
        if name.endswith(".safetensors"):
            read_header(path, shown=label)
        elif size > (_CONFIG_BYTES if name.endswith("config.json") else _TEXT_BYTES):
            raise SourceError(f"{label}: has {size:,} bytes, more than such a file can need. Fetch or save it again.")
        elif name.endswith(".json"):
            for problem in check_file(name, _json(path, label)):
                if problem.kind != "unsupported":  # loading refuses what is only unsupported
                    raise SourceError(f"{label}: {problem}")
    if kind is MODEL and (folder / "model.safetensors.index.json").is_file():
        _check_index(folder, shown)
    if kind is not MODEL and (folder / "MANIFEST.json").is_file():
        _check_manifest(folder, kind, shown)


def _json(path: Path, label: str) -> Any:
    with open_regular(path) as file:
        data = file.read()
    try:
        return parse(data)
    except ValueError as error:
        raise SourceError(f"{label}: not valid JSON ({error}). Fetch or save it again.") from error


def _check_index(folder: Path, shown: str) -> None:
    label = f"{shown}/model.safetensors.index.json"
    index = _json(folder / "model.safetensors.index.json", label)
    parts = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(parts, dict) or not parts or not all(isinstance(part, str) for part in parts.values()):
        raise SourceError(f"{label}: has no weight_map of tensor names to files. Fetch or save it again.")
    for part in sorted(set(parts.values())):
        if not MODEL.allows(part) or not part.endswith(".safetensors"):
            raise SourceError(
                f"{label}: {part!r} is not a file name such as model-00001-of-00002.safetensors. Save the model again."
            )
        if not (folder / part).is_file():
            raise SourceError(f"{shown}/{part}: is missing, but the index names it. Add this file to the folder.")


def _check_manifest(folder: Path, kind: Kind, shown: str) -> None:
    manifest = _json(folder / "MANIFEST.json", f"{shown}/MANIFEST.json")
    hashes_at_save = {name: entry["sha256"] for name, entry in manifest["files"].items()}  # check_manifest passed it
    for name, digest in hashes_at_save.items():
        if not kind.allows(name):
            continue
        if not (folder / name).is_file():
            raise SourceError(f"{shown}/{name}: is missing, but the adapter's manifest names it. Copy it again.")
        if hash_regular(folder / name) != digest:
            raise SourceError(f"{shown}/{name}: has changed since it was saved (see its manifest). Copy it again.")


def _hint(names: set[str], kind: Kind) -> str:
    if kind is MODEL and "adapter_config.json" in names:
        return " It holds an adapter. Name the adapter's base model instead."
    if kind is ADAPTER and "config.json" in names:
        return " It holds a model. Name the adapter's own folder instead."
    return did_you_mean(kind.config, names)


def conversion_command(pickled: str, weights: str) -> str:
    """The shell command that converts pickled weights to safetensors, for users who trust the file."""
    return (
        f'python -c "import torch, safetensors.torch as s; '
        f"w = torch.load('{pickled}', map_location='cpu', weights_only=True); "
        f"s.save_file({{k: v.clone().contiguous() for k, v in w.items()}}, '{weights}', {{'format': 'pt'}})\""
    )
