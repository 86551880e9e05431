"""A model's configuration from its config.json, without loading torch."""

from pathlib import Path
from typing import Any

from finetooth.errors import ModelError
from finetooth.families import Family, family_of_type, model_types
from finetooth.models.checked import CONFIG, read_checked, refused
from finetooth.untrusted import model_settings
from finetooth.wording import short

_NOT_LOADED = f"the base model: {CONFIG} could not be loaded"


def load_config(folder: Path) -> Any:
    """The model's configuration, of the allowed keys of its config.json.

    Raises: ModelError if there is none, its family is not supported, or a key of it is refused.
    """
    values = _family_and_values(folder)[1]
    with refused(_NOT_LOADED):
        return transformers_library().AutoConfig.for_model(values["model_type"], **model_settings(values))


def positions(folder: Path) -> int:
    """The most tokens of a row that the model has positions for, as load_config gives it, without transformers.

    Raises: ModelError, as load_config.
    """
    family, values = _family_and_values(folder)
    with refused(_NOT_LOADED):
        most = family.positions(values)
    if most < 1:
        raise ModelError(
            f"the base model: {CONFIG}: max_position_embeddings {values.get('max_position_embeddings')} leaves no "
            f"position for a token, since positions begin behind pad_token_id {values.get('pad_token_id')}. "
            "Name another model."
        )
    return most


def _family_and_values(folder: Path) -> tuple[Family, dict[str, Any]]:
    """The family of a model and the values of its config.json."""
    if not (folder / CONFIG).is_file():
        raise ModelError(f"{_NOT_LOADED} (there is none).")
    values = read_checked(folder / CONFIG, owner="the base model")
    family = family_of_type(values.get("model_type"))
    if family is None:
        raise ModelError(
            f"the base model: model family {short(values.get('model_type'))} is not supported; known: "
            f"{', '.join(model_types())}. Name a model of one of them, such as "
            "sentence-transformers/all-MiniLM-L6-v2 or distilbert/distilbert-base-uncased."
        )
    return family, values


def transformers_library() -> Any:
    """transformers, without progress bars and warnings; it loads torch when a model class is first used."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers
