"""The stages of a heal, a file each, and the engine that walks them in one process."""
