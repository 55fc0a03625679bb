"""The gameday: faults planted in a shadow of a model's own stream, the real loop played on it, and
what it did held against what should come of it. Called by the command gameday.
"""
