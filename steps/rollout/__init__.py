"""The rollout of a version: the canary, its repair after a crash, and the way back."""
