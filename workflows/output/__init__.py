"""A rendered tree on disk, and its YAML."""
