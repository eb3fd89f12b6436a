"""The diffusion family: what it is trained to predict, how its loss is drawn and how it generates."""
