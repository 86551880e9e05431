"""The baselines of a recipe and the names of their rows."""

import re
from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from finetooth.recipe.fields import Section
from finetooth.recipe.model_names import short_name
from finetooth.row_kinds import OTHER_PROBE

_LONGEST = 64  # characters of a name


class OtherProbe(Section):
    """The linear probe of a model other than the recipe's own."""

    probe: str = Field(description="Another pre-trained model, written like `model`.")


Baseline = Literal["majority", "original", "tfidf", "nb_words", "probe", "full"] | OtherProbe


def baseline_models(baselines: Iterable[Baseline]) -> dict[str, str | None]:
    """The name of each baseline's row, in order, with the source of its model if that is not the recipe's.

    The probe of another model is called probe-MODEL, with the model's short name; if two have the same name, the
    second ends in -2.
    """
    rows: dict[str, str | None] = {}
    for baseline in baselines:
        if isinstance(baseline, OtherProbe):
            name = f"{OTHER_PROBE.name}{short_name(baseline.probe)}".lower()
            safe = re.sub(r"[^a-z0-9._-]+", "-", name)[:_LONGEST].rstrip(".-")  # as the name of a row and a folder
            rows[_free(safe, rows)] = baseline.probe
        else:
            rows[baseline] = None
    return rows


def _free(name: str, existing: Iterable[str]) -> str:
    number, free = 1, name
    while free in existing:
        number += 1
        free = f"{name[: _LONGEST - 1 - len(str(number))]}-{number}"
    return free
