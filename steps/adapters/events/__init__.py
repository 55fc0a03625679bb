"""Senders of what happened to receivers outside of the loop, in published formats."""
