"""The fault bench: planted faults over made worlds, scored by how often the diagnosis names cause,
column and segment.
"""
