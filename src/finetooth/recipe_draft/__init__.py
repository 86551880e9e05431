"""Drafts a recipe from data alone: the content of the files decides its settings."""

from finetooth.recipe_draft.recipe_source import data_source, is_recipe_file, load_recipe

__all__ = ["data_source", "is_recipe_file", "load_recipe"]
