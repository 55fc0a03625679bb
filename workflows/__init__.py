"""Everything that a cluster is told, rendered from policies; its checks; and the command line."""
