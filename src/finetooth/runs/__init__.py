"""The run folder: where things lie, who works in it, what it holds."""
