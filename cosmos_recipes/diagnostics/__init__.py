"""An error is data: code, place, expected, found, hint; one renderer turns it into text, JSON, GitHub or SARIF."""

from cosmos_recipes.diagnostics.codes import explain
from cosmos_recipes.diagnostics.nearest import nearest
from cosmos_recipes.diagnostics.problem import Place, Problem, RecipeError, fail
from cosmos_recipes.diagnostics.render import noted, render
from cosmos_recipes.diagnostics.words import visible

__all__ = ["Place", "Problem", "RecipeError", "explain", "fail", "nearest", "noted", "render", "visible"]
