"""Decisions of a rollout: the judgement on a canary, the routing, the last good version."""
