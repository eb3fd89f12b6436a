"""Training and sampling of the autoregressive family: the next token of a clip."""
