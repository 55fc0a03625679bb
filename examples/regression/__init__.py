"""The second example, without a change of code: tomorrow's temperature at New York's airports, a
regression.
"""
