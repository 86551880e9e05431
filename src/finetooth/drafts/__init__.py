"""From data alone to a recipe: what the files hold decides what it says."""

from finetooth.drafts.taking import data_source, is_recipe_file, load_recipe

__all__ = ["data_source", "is_recipe_file", "load_recipe"]
