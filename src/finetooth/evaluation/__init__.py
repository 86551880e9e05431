"""Intervals, tests, calibration, decisions and the verdict, with numpy and scipy only."""
