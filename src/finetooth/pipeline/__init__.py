"""check(recipe) and run(recipe), step by step, and the uses of a finished run."""
