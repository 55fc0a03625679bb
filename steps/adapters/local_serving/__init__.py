"""The embedded engine: the whole loop in one process, with real parts on localhost."""
