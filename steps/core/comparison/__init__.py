"""Decisions about versions of a model that answered the same rows: their losses, paired by day."""
