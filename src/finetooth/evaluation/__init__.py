"""Figures, their uncertainty, and whether two rows are distinguished; numpy and scipy only."""
