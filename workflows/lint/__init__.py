"""Guards over a rendered tree: each check says how many things it saw, what is wrong with them, or
why it did not run.
"""
