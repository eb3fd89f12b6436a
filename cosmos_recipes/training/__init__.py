"""Post-training: the world model, its objective, and the NeMo model that trains it."""
