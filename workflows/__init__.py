"""What the cluster is told, and the command line."""
