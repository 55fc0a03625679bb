"""JSON Schemas of the kinds that a tree may hold, and where each comes from; used by the structure
check.
"""
