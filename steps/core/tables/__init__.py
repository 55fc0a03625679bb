"""Tables as arrays: columns, pairs of windows, slices, losses of rows."""
