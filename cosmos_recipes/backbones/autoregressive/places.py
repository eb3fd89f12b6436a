"""The places of the decoder where a conditioning head enters; see `backbones.places` for those of the diffusion network.

Everything is lined up with the token that is predicted next, and not with the one that a slot holds: what is said of a
token has to be known where it is predicted. `encoder_hidden_states` is the context that all slots attend to, or, with an
axis of views (B, V, L, C), the slots from which that view is predicted.
Legend: B batch, N blocks, T latent frames of all views, L tokens of all views, D width, C width of the context.
"""

LAYERS, FRAME, OWN_CONTEXT = "layers_NBLD", "frame_BTD", "own_BTC"
"""Added at the input of each block to the slot from which a token is predicted; added there, at all blocks, for all tokens
of a latent frame; and a token of the context that is seen from the slots alone from which a latent frame is predicted."""
DECODER_PLACES = (LAYERS, FRAME, OWN_CONTEXT)
