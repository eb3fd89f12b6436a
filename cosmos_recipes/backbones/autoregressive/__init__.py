"""The autoregressive family: a decoder of video tokens, in the order of a sequence layout, with 3D rotary positions."""
