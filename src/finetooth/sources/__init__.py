"""Sources: a path, a wheel's member or a Hub id becomes a local, hashed, allow-listed file or folder."""

from finetooth.sources.dispatch import (
    Fetched,
    borrow_adapter,
    bring_adapter,
    bring_data,
    bring_model,
    data_sources,
    fetch,
)
from finetooth.sources.source import Source, hub_name
from finetooth.sources.user_folders import cache_folder, state_folder

__all__ = [
    "Fetched",
    "Source",
    "borrow_adapter",
    "bring_adapter",
    "bring_data",
    "bring_model",
    "cache_folder",
    "data_sources",
    "fetch",
    "hub_name",
    "state_folder",
]
