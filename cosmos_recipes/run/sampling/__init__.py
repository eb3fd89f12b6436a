"""What sampling a trained model is made of: the model, given frames, controls in a person's units, and the roll-out."""
