"""Training: labelled rows in, a model folder out, in a child process that knows no store and no
record. Called by bootstrap and by the retrain and validate stages.
"""
