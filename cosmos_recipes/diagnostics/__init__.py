"""An error is data: code, place, expected, found, hint; one renderer turns it into text, JSON, GitHub or SARIF."""

from cosmos_recipes.diagnostics.problem import Place, Problem, RecipeError, fail

__all__ = ["Place", "Problem", "RecipeError", "fail"]
