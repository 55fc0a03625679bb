"""The frozen values and ports that every other room of `steps` speaks in. Imports nothing of ours."""
