"""The model card of a package: a page of Markdown with a head of YAML, made from the run alone."""

from cosmos_recipes.publishing.card.page import model_card
from cosmos_recipes.publishing.card.told import Told

__all__ = ["Told", "model_card"]
