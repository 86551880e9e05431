"""The child processes that carry out the work of a run, each row in processes of its own."""
