"""Pictures of what a model will see: frames of each view, and what the columns of numbers say, drawn so that errors show."""
