"""Decoding: one interface, two back-ends that give the same frames, and the rule that chooses between them."""

from cosmos_recipes.data.decode.choice import BackendName, Choice, choose_backends

__all__ = ["BackendName", "Choice", "choose_backends"]
