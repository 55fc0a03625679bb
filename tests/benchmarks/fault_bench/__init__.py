"""Planted faults over made worlds: how often the diagnosis names cause, column and segment, and
what others would say.
"""
