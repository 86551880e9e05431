"""What every part of a recipe has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the recipe: unknown keys are errors, neither true nor "8" is a number, values are fixed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
