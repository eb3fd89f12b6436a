"""Data: contracts, data sets, sources, decoding, the index of clips, their order and their latents."""
