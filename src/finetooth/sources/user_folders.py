"""The user's folders for what outlives a run: the cache and the state."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Fetched sources: FINETOOTH_CACHE, else `finetooth` in XDG_CACHE_HOME, else ~/.cache/finetooth."""
    return _folder("FINETOOTH_CACHE", "XDG_CACHE_HOME", ".cache")


def state_folder() -> Path:
    """Records about the user's test sets: FINETOOTH_STATE, else XDG_STATE_HOME, else ~/.local/state/finetooth."""
    return _folder("FINETOOTH_STATE", "XDG_STATE_HOME", ".local/state")


def _folder(own: str, shared: str, default: str) -> Path:
    if named := os.environ.get(own):
        return Path(named).expanduser().absolute()
    base = os.environ.get(shared, "")
    # The XDG specification says to ignore relative values.
    return (Path(base) if Path(base).is_absolute() else Path.home() / default) / "finetooth"
