"""Decisions only: pure functions over frozen values. No IO, no clock, no vendor imports."""
