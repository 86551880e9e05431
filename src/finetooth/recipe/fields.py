"""The base class of recipe sections, and the types of single values."""

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from finetooth.errors import RecipeError
from finetooth.files import check_name


class Section(BaseModel):
    """A part of the recipe: unknown keys are errors, neither true nor "8" is a number, and values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _safe_name(name: str) -> str:
    try:
        return check_name(name)
    except RecipeError as error:
        raise ValueError(str(error)) from error


def _layers(value: str) -> str:
    if value != "all" and not re.fullmatch(r"last-[1-9][0-9]*", value):
        raise ValueError(f"{value!r} is not 'all' or 'last-K' with K from 1, such as 'last-2'.")
    return value


def _word(value: object) -> Any:
    """A label as text: YAML reads an unquoted 5 as a number, and an unquoted no as false."""
    if isinstance(value, bool):
        raise ValueError(
            "YAML reads an unquoted yes, no, on, off, true or false as a truth value. Put quotes around it."
        )
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else repr(value)
    return value


def _delimiter(value: str) -> str:
    value = {"tab": "\t", "\\t": "\t"}.get(value, value)
    if len(value) != 1:
        raise ValueError(
            f"{value!r} is not one character. Write one, or the word tab. In a recipe, put quotes around one that "
            "YAML uses, such as '|', '@', '#' or '%'."
        )
    return value


def _costs_of_mistakes(costs: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    right = next((label for label, row in costs.items() if label in row), None)
    if right is not None:
        raise ValueError(f"{right!r} for {right!r} is right and costs nothing. Remove it.")
    return costs


Word = Annotated[str, BeforeValidator(_word)]
Costs = Annotated[dict[Word, dict[Word, Annotated[float, Field(ge=0, le=1e6)]]], AfterValidator(_costs_of_mistakes)]
Name = Annotated[str, AfterValidator(_safe_name)]
Layers = Annotated[str, AfterValidator(_layers)]
Delimiter = Annotated[str, AfterValidator(_delimiter)]
