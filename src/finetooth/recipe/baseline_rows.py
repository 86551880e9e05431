"""The baselines that a recipe names, and the rows that they make."""

import re
from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from finetooth.recipe.fields import Section
from finetooth.recipe.model_names import short_name

PROBE, OTHER_PREFIX = "probe", "probe-"  # rows: the probe of the recipe's own model, and how those of others begin
_LONGEST = 64  # characters of a name


class OtherProbe(Section):
    """The linear probe of a model other than the recipe's own."""

    probe: str = Field(description="Another pre-trained model, named as `model` is.")


Baseline = Literal["majority", "original", "tfidf", "probe", "full"] | OtherProbe


def is_probe(row: str) -> bool:
    """Whether the row of that name is a linear probe, of the recipe's own model or of another."""
    return row == PROBE or row.startswith(OTHER_PREFIX)


def baseline_models(baselines: Iterable[Baseline]) -> dict[str, str | None]:
    """The name of each baseline's row, in order, and the source of its model where that is not the recipe's own.

    The probe of another model is called probe-MODEL, by the short name of the model; of two such names the later one
    ends in -2.
    """
    rows: dict[str, str | None] = {}
    for baseline in baselines:
        if isinstance(baseline, OtherProbe):
            rows[_free(_safe(f"{OTHER_PREFIX}{short_name(baseline.probe)}"), rows)] = baseline.probe
        else:
            rows[baseline] = None
    return rows


def _safe(name: str) -> str:
    """`name` as a name of a row, which is a name of a folder too."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower())[:_LONGEST].rstrip(".-")


def _free(name: str, existing: Iterable[str]) -> str:
    number, free = 1, name
    while free in existing:
        number += 1
        free = f"{name[: _LONGEST - 1 - len(str(number))]}-{number}"
    return free
