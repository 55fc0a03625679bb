"""Checks of the data itself, column by column and between columns."""
