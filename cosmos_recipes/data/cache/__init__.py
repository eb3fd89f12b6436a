"""A cache of tensors, addressed by everything that made them: found again by whoever needs the same, on any machine."""

from cosmos_recipes.data.cache.contents import Cache
from cosmos_recipes.data.cache.filling import fill
from cosmos_recipes.data.cache.keys import Wanted, text_wanted

__all__ = ["Cache", "Wanted", "fill", "text_wanted"]
