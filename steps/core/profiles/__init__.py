"""Profiles: mergeable summaries of a window."""
