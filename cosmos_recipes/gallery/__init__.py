"""The gallery: a static site of recipes, what they came to, and every field and error code. `build.py` is its entry."""
