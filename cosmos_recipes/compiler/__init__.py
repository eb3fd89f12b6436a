"""The compiler: resolve → check → fit → emit, pure functions from a recipe to a plan that leaves nothing open."""
