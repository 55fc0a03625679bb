"""The runtime of every step: the workspace, its sites and runs, and model versions."""
