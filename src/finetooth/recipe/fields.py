"""What recipe sections have in common, and the types of single values."""

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from finetooth.errors import RecipeError
from finetooth.files import check_name


class Section(BaseModel):
    """A part of the recipe: unknown keys are errors, neither true nor "8" is a number, values are fixed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _safe_name(name: str) -> str:
    try:
        return check_name(name)
    except RecipeError as error:
        raise ValueError(str(error)) from error


def _layers(value: str) -> str:
    if value != "all" and not re.fullmatch(r"last-[1-9][0-9]*", value):
        raise ValueError(f"{value!r} is neither 'all' nor 'last-K' with K a whole number from 1, such as 'last-2'.")
    return value


def _word(value: Any) -> Any:
    """A label as text: YAML makes a number of an unquoted 5, and a truth value of an unquoted no."""
    if isinstance(value, bool):
        raise ValueError(
            "YAML reads an unquoted yes, no, on, off, true or false as a truth value; put quotes around it."
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
            f"{value!r} is not one character. Name one, or the word tab; in a recipe put quotes around one that "
            "YAML reads as its own, such as '|', '@', '#' or '%'."
        )
    return value


def _costs_of_mistakes(costs: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    right = next((label for label, row in costs.items() if label in row), None)
    if right is not None:
        raise ValueError(f"{right!r} said of {right!r} is right and costs nothing; leave it out.")
    return costs


Word = Annotated[str, BeforeValidator(_word)]
Costs = Annotated[dict[Word, dict[Word, Annotated[float, Field(ge=0, le=1e6)]]], AfterValidator(_costs_of_mistakes)]
Name = Annotated[str, AfterValidator(_safe_name)]
Layers = Annotated[str, AfterValidator(_layers)]
Delimiter = Annotated[str, AfterValidator(_delimiter)]
