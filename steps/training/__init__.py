"""Training apart from everything else: rows in, a model folder out, in a process that knows no
store and no record.
"""
