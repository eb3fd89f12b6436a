"""Recipes and data set files out of what other tools train from; what cannot be carried over is listed, never dropped."""
