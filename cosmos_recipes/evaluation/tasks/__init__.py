"""Figures of a task: whether what a generated video shows is what its control says.

They are found through the entry points `cosmos_recipes.metrics`, one module for each.
"""
