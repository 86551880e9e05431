"""From data alone to a recipe: what the files hold decides what it says."""

from finetooth.recipe_draft.recipe_source import data_source, is_recipe_file, load_recipe

__all__ = ["data_source", "is_recipe_file", "load_recipe"]
