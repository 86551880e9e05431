"""Shell completion of recipes, data and run folders, from the names of files and folders."""

from collections.abc import Callable, Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

_RECIPES = (".yaml", ".yml")
_MOST = 2_000  # names read from a folder


def recipes(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Recipe files, and folders that may contain them."""
    return _offered(incomplete, lambda item: item.suffix.casefold() in _RECIPES)


def data(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Any file: data files have many suffixes."""
    return [CompletionItem(incomplete, type="file")]


def runs(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Run folders, including those in ./runs, and folders that may contain them."""
    begun = [str(item) for item in _names(Path("runs")) if _is_run(item)] if "/" not in incomplete else []
    offered = [CompletionItem(name) for name in begun if name.startswith(incomplete)]
    return offered or _offered(incomplete, _is_run)


def _is_run(item: Path) -> bool:
    return (item / "plan.json").is_file()


def _offered(incomplete: str, matches: Callable[[Path], bool]) -> list[CompletionItem]:
    folder, begin = Path(incomplete).parent, Path(incomplete).name
    if incomplete.endswith(("/", "\\")) or not incomplete:
        folder, begin = Path(incomplete or "."), ""
    items = []
    for item in _names(folder):
        if item.name.startswith(begin) and not item.name.startswith("."):
            if matches(item):
                items.append(CompletionItem(str(item)))
            elif item.is_dir():
                items.append(CompletionItem(f"{item}/"))
    return items


def _names(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())[:_MOST]
    except OSError:
        return
