"""The `modelmedic` command."""
