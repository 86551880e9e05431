"""The tokenizer from a staged folder, without loading torch."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetooth.errors import ModelError
from finetooth.files import write_json
from finetooth.models.artifact_files import REFERENCE_INPUTS
from finetooth.models.batching import bare_backend, encode
from finetooth.models.checked import CONFIG, TOKENIZER, read_checked, refused
from finetooth.models.config_file import transformers_library
from finetooth.untrusted import tokenizer_settings

_UNCHANGED = (TOKENIZER, "added_tokens.json")
_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json")

# Besides the reference inputs, texts that show whether letters are lowercased, accents stripped or blanks counted.
_REVEALING = ("A  FILM,\tby Zoë Café", "don't  stop\n", " x")
_SLOW = "the base model: the tokenizer has no tokenizer.json (fast form); convert it once with transformers."


def load_tokenizer(folder: Path) -> Any:
    """The fast tokenizer in a staged folder.

    Raises: ModelError if the folder holds none, or a file of it holds what is refused.
    """
    with _allowed_copy(folder) as copy:
        tokenizer = transformers_library().AutoTokenizer.from_pretrained(copy, local_files_only=True)
    if not tokenizer.is_fast:
        raise ModelError(_SLOW)
    if tokenizer.pad_token_id is None:
        raise ModelError(
            "the base model: the tokenizer has no pad token. Set pad_token in tokenizer_config.json, such as [PAD]."
        )
    _make_bare(tokenizer.backend_tokenizer)
    return tokenizer


@dataclass(frozen=True, slots=True)
class FileTokenizer:
    """A tokenizer from tokenizer.json alone."""

    backend_tokenizer: Any


def load_file(folder: Path) -> FileTokenizer:
    """The tokenizer of tokenizer.json in a staged folder, without transformers, which loads torch.

    Not covered: what tokenizer_config.json changes. Raises: ModelError, as load_tokenizer.
    """
    from tokenizers import Tokenizer

    with _allowed_copy(folder) as copy:
        backend = Tokenizer.from_file(str(copy / TOKENIZER))
    return FileTokenizer(_make_bare(backend))


def copy_tokenizer(folder: Path, copy: Path) -> None:
    """Write into `copy` what transformers may read: tokenizer.json unchanged, and the allowed keys of the settings.

    Raises: ModelError, as read_checked.
    """
    for name in _UNCHANGED:
        if (folder / name).is_file():
            read_checked(folder / name, owner="the base model")
            shutil.copyfile(folder / name, copy / name)
    for name in _SETTINGS:
        if (folder / name).is_file():
            write_json(copy / name, tokenizer_settings(name, read_checked(folder / name, owner="the base model")))
    if (folder / CONFIG).is_file():  # by which transformers chooses a class where tokenizer_config.json names none
        config = read_checked(folder / CONFIG, owner="the base model")
        chosen = {key: config[key] for key in ("model_type", "tokenizer_class") if config.get(key) is not None}
        write_json(copy / CONFIG, chosen)


@contextmanager
def _allowed_copy(folder: Path) -> Iterator[Path]:
    """A folder with the allowed files and settings of a tokenizer, for a block in which a library loads it."""
    if not (folder / TOKENIZER).is_file():
        raise ModelError(_SLOW)
    with tempfile.TemporaryDirectory(prefix="finetooth-") as copy:
        copy_tokenizer(folder, Path(copy))
        with refused("the base model: no tokenizer could be loaded"):
            yield Path(copy)


def _make_bare(backend: Any) -> Any:
    """The backend of a new tokenizer, which nobody else uses yet, without padding and truncation."""
    backend.no_padding()
    backend.no_truncation()
    return backend


def check_file_agrees(tokenizer: Any, folder: Path) -> None:
    """Check that a tokenizer makes the same tokens as the tokenizer.json in its folder alone.

    Some classes of transformers read the vocabulary only, and drop how the file splits and changes a text.
    Raises: ModelError naming the first of a few texts whose tokens differ.
    """
    own, by_file = bare_backend(tokenizer), bare_backend(load_file(folder))
    texts = [*REFERENCE_INPUTS, *_REVEALING]
    for text, one, other in zip(texts, encode(own, texts), encode(by_file, texts), strict=True):
        if one.ids != other.ids:
            raise ModelError(
                f"the base model: {type(tokenizer).__name__} of transformers does not make the tokens of {TOKENIZER}: "
                f"for {text!r} it makes {one.tokens[:8]}, the file {other.tokens[:8]}. If the file is right, set "
                "tokenizer_class: PreTrainedTokenizerFast in tokenizer_config.json."
            )


def check_tokenizer(tokenizer: Any, config: Any, *, pairs: bool, name: str) -> None:
    """Check that the model has an embedding for every token of the tokenizer, and for every segment of a row.

    config: of the model. pairs: whether rows are pairs of texts. name: for messages.
    Raises: ModelError naming the first token without one.
    """
    backend = bare_backend(tokenizer)
    tokens = {number: token for token, number in backend.get_vocab(with_added_tokens=True).items()}
    (special,) = encode(backend, [("a", "a")] if pairs else ["a"])  # the special tokens of every row
    tokens |= dict(zip(special.ids, special.tokens, strict=True))
    first_beyond = min((number for number in tokens if number >= config.vocab_size), default=None)
    if first_beyond is not None:
        raise ModelError(
            f"{name}: the tokenizer has a token {tokens[first_beyond]!r} with the number {first_beyond:,}, and the "
            f"model has embeddings for {config.vocab_size:,} tokens, numbered from 0 (vocab_size in {CONFIG}). Use the "
            "tokenizer that belongs to the model, or call model.resize_token_embeddings(len(tokenizer)) and save the "
            "model again."
        )
    segments = getattr(config, "type_vocab_size", None)
    if pairs and segments is not None and max(special.type_ids, default=0) >= segments:
        raise ModelError(
            f"{name}: the tokenizer marks {max(special.type_ids) + 1} segments in a pair of texts, and the model has "
            f"embeddings for {segments} (type_vocab_size in {CONFIG}). Use the tokenizer that belongs to the model."
        )
