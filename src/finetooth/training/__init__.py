"""The tuning loop: exact batches, exact resume."""
