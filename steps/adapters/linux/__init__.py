"""Linux by its own calls: a process and its family, control groups and Landlock. Elsewhere each of
them says that it is not there.
"""
