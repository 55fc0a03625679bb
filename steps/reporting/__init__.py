"""Pages and pictures for people: pure functions from values to HTML and SVG, and the gathering of
those values from the records.
"""
