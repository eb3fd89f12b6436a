"""Words and screens, no logic; one file per command; heavy imports inside the commands."""
