"""The kinds of cluster, one module each."""
