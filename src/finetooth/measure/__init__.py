"""Figures, their uncertainty, and whether two rows can be told apart; numpy and scipy only."""
