"""Diagnosis: one file for each cause, and the order in which they are tried."""
