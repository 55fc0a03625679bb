"""Decisions on a diagnosed incident: the rule, the limits, and the ruling on answers."""
