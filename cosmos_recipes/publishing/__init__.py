"""Publishing: the package of a trained model, its card, and the places it goes to: a local folder or the Hub."""
