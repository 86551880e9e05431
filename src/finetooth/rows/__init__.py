"""The rows of the table: how each kind is fitted, and scored from what was saved."""
