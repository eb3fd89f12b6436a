"""Where a run executes: this process, or several on this machine."""
