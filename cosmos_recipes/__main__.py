"""`python -m cosmos_recipes` is `cosmos-recipe`."""

from __future__ import annotations

from cosmos_recipes.cli.main import main

if __name__ == "__main__":
    main()
