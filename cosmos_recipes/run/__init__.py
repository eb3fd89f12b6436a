"""A run: its folder, its stages and their state on disk; what is done, what is next, where to resume."""
