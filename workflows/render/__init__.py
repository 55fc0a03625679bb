"""From policies and a platform to a tree of manifests, and its differences."""
