"""The public Python face: what the commands answer, as values for a notebook or a program.

`import modelmedic` offers all of it; nothing in `steps` or `workflows` knows these modules.
"""
