"""Tests here begin a run in their own process."""

from begun_runs import begin, sources  # noqa: F401
