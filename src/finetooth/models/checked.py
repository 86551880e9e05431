"""A stranger's JSON files, checked against their allow-lists before a library sees them."""

import shutil
from pathlib import Path
from typing import Any

from finetooth.errors import ModelError
from finetooth.files import write_json
from finetooth.sources.regular_files import open_regular
from finetooth.untrusted import check_file, parse, tokenizer_settings

CONFIG, TOKENIZER = "config.json", "tokenizer.json"
_CHECKED_AS_IT_IS = (TOKENIZER, "added_tokens.json")
_SETTINGS = ("tokenizer_config.json", "special_tokens_map.json")


def read_checked(file: Path, *, owner: str) -> dict[str, Any]:
    """The settings in `file`, all of them allowed.

    owner: what the file belongs to, for messages. Raises: ModelError naming file and key that is refused; SourceError
    if it is no regular file.
    """
    with open_regular(file) as stream:
        data = stream.read()
    try:
        value = parse(data)
    except ValueError as error:
        raise ModelError(f"{owner}: {file.name} is not valid JSON ({error}).") from error
    for problem in check_file(file.name, value):
        raise ModelError(f"{owner}: {file.name}: {problem}")
    settings: dict[str, Any] = value
    return settings


def copy_tokenizer(folder: Path, copy: Path) -> None:
    """Write into `copy` what transformers may see: tokenizer.json as it is, and of settings the allowed keys.

    Raises: ModelError, as read_checked.
    """
    for name in _CHECKED_AS_IT_IS:
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
