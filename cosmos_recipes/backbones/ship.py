"""`python -m cosmos_recipes.backbones.ship PACKAGE NAME`: put a trained model into the package, for a backbone's `weights`.

Network and head are kept in half precision; the recipe, its lock and its figures go with them.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

from cosmos_recipes.backbones.weights import SHIPPED, Weights
from cosmos_recipes.files import whole

COPIED = ("cosmos_recipe.json", "recipe.yaml", "recipe.lock", "metrics.json", "transformer/config.json")
HALVED = ("transformer/diffusion_pytorch_model.safetensors", "head/model.safetensors")


def ship(package: Path, name: str) -> Path:
    """Write the model of a run's `package` folder to the place that `weights: NAME` of the zoo stands for."""
    folder = Weights(label=SHIPPED + name).folder
    with whole(folder) as part:
        shutil.copytree(package / "tokenizer", part / "tokenizer")
        for path in (*COPIED, *HALVED):
            (part / path).parent.mkdir(parents=True, exist_ok=True)
        for path in COPIED:
            shutil.copyfile(package / path, part / path)
        for path in HALVED:
            halved = {key: value.half() for key, value in load_file(package / path).items()}
            save_file(halved, part / path, metadata={"format": "pt"})
    return folder


if __name__ == "__main__":
    sys.stdout.write(f"{ship(Path(sys.argv[1]), sys.argv[2])}\n")
