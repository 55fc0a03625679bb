"""The guesses of a first policy from a table."""
