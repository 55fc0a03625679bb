"""Validation: the gates of a challenger, its fitness to serve, and leaks of the label."""
