"""World foundation models to start from: one file per family, their tokenizers, and the zoo that lists them."""
