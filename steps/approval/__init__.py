"""Approvals: the requests that a heal waits with, and the answers that people give."""
