"""Faults planted in windows of real streams, and how the diagnosis judges them."""
