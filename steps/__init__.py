"""What runs inside a pod, or in-process on a laptop: the steps of the healing loop."""
