"""Detection: the monitor of a served model, and the comparison of two files."""
