"""The training loop: exact batches, exact resume."""
