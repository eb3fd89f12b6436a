"""Made-up data of any contract, for tests: real videos, and numbers that keep the contract's rules."""

from cosmos_recipes.data.synthesize.spec import SynthesisSpec
from cosmos_recipes.data.synthesize.write import synthesize

__all__ = ["SynthesisSpec", "synthesize"]
