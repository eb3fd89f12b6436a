"""Where a run executes: this process, several on this machine, or the machines of a cluster that jobs are sent to."""
