"""Effects: one change outside of the program, recorded before and after, under a lease."""
