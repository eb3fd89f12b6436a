"""The discrete video tokenizer of NVIDIA's autoregressive models, DV8x16x16, as it is published: two TorchScript programs.

A program in TorchScript is run by PyTorch's own interpreter, from which Python cannot be reached: it can compute, but also
use up memory, and read or write a file through the few operators of PyTorch that do. So programs are taken from NVIDIA's
repositories, at a revision, or from a folder that the person names, and from nowhere else, whatever a model says that came
from others; they are never published again; and with a saved tokenizer they are loaded only if their sha256 is the one that
it was saved with.
Legend: B batch, C channels, T frames, H height, W width.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, ClassVar, Literal, NoReturn, Self

import torch
from torch import Tensor, nn

from cosmos_recipes.backbones import hub
from cosmos_recipes.data.hub_files import is_commit
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import sha256
from cosmos_recipes.recipe.json_object import read_json_object
from cosmos_recipes.recipe.paths import repository_of

ENCODER, DECODER = "encoder.jit", "decoder.jit"
LEVELS = (8, 8, 8, 5, 5, 5)
"""Levels of the six numbers of a code (finite scalar quantisation, arXiv 2309.15505)."""
HUB_ID = "nvidia/Cosmos-1.0-Tokenizer-DV8x16x16"
"""What the autoregressive models were trained on; Cosmos-0.1-Tokenizer-DV8x16x16 is an older one with other codes."""
_PROBED = (1, 3, 9, 64, 64)
_JIT: Any = torch.jit
_TRUSTED = "nvidia/"
Precision = Literal["bfloat16", "float32"]


class CosmosDiscreteTokenizer(nn.Module):
    """A latent cell is the number of a code: digit i of it, of `LEVELS[i]`, counts the product of the levels before it.

    Frame 0 is a latent frame of its own: 1 + 8k frames become 1 + k latent frames. The tokenizer was trained on 49 frames
    at most. Clips are encoded and decoded one after the other on the device that the module is on, in `precision`: that
    of NVIDIA's own runs is bfloat16, and another one may give other numbers.
    """

    name: ClassVar[str] = "cosmos-dv8x16x16"
    is_apart: ClassVar[bool] = True
    """No model of NVIDIA's comes with it: it is in a repository of its own."""
    is_local: ClassVar[bool] = False
    """A code stands for its cell together with those around it."""

    def __init__(
        self,
        *,
        temporal: int = 8,
        spatial: int = 16,
        channels: int = 1,
        codes: int = prod(LEVELS),
        precision: Precision = "bfloat16",
        hub_id: str = HUB_ID,
        revision: str = "main",
        folder: Path | None = None,
    ) -> None:
        super().__init__()
        self.temporal, self.spatial, self.channels, self.codes = temporal, spatial, channels, codes
        self.hub_id, self.precision = hub_id, precision
        self.folder = folder or _fetched(hub_id, revision)
        self.revision = self.folder.name if is_commit(self.folder.name) else revision
        dtype = getattr(torch, precision)
        self.encoder, self.decoder = (_program(self.folder / name).to(dtype) for name in (ENCODER, DECODER))

    @classmethod
    def from_autoencoder(cls, folder: Path | None, **settings: Any) -> Self:
        """Return the tokenizer whose programs lie in `folder`, or else on the Hub, after a try that they are as `settings` say.

        Raises:
            RecipeError: the Hub does not give them (CR623), they cannot be read (CR621), or make others (CR622).
        """
        tokenizer = cls(**settings, folder=folder)
        tokenizer._try()
        return tokenizer

    @torch.no_grad()
    def encode(self, video_BCTHW: Tensor) -> Tensor:
        """Return int32 numbers (B, 1, 1 + (T - 1) / temporal, H / spatial, W / spatial) of uint8 video."""
        return torch.stack([number_1THW.int() for number_1THW, _ in self._coded(video_BCTHW)])

    @torch.no_grad()
    def decode(self, latent_B1THW: Tensor) -> Tensor:
        """Return uint8 video (B, 3, 1 + (T - 1) * temporal, H * spatial, W * spatial) of numbers."""
        number_B1THW = latent_B1THW.to(self._device).long()
        video_BCTHW = torch.cat([_run(self.decoder, clip).float() for clip in number_B1THW])
        return ((video_BCTHW + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)

    def embed(self, latent_B1THW: Tensor) -> Tensor:
        """Return the six numbers of codes, from -1 to 1, (B, 6, T, H, W): what codes are near each other by."""
        levels = torch.tensor(LEVELS, device=latent_B1THW.device)
        # The product of the levels before each.
        counts = levels.cumprod(0) // levels
        half_6111 = (levels // 2).view(-1, 1, 1, 1)
        digit_B6THW = latent_B1THW.long() // counts.view(-1, 1, 1, 1) % levels.view(-1, 1, 1, 1)
        return (digit_B6THW - half_6111) / half_6111

    def save_pretrained(self, folder: Path) -> None:
        """Write `config.json`, which says where the programs are and what their sha256 is."""
        folder.mkdir(parents=True, exist_ok=True)
        names = ("temporal", "spatial", "channels", "codes", "precision", "hub_id", "revision")
        settings = {name: getattr(self, name) for name in names}
        config = {"tokenizer": self.name, **settings, "sha256": _hashes(self.folder)}
        # As in diffusers' configurations, where it was loaded from; a package leaves it out.
        config["_name_or_path"] = str(self.folder.resolve())
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Read what `save_pretrained` wrote, with the programs from where they were, or else from the Hub.

        Raises:
            RecipeError: the Hub does not give them (CR623), or they are others (CR622) or damaged (CR621).
        """
        config = read_json_object(folder / "config.json")
        expected, place = config.pop("sha256"), Path(config.pop("_name_or_path", ""))
        del config["tokenizer"]
        # A path that came with a model could lead to programs that came with it too.
        if not (place.is_absolute() and repository_of(folder) is None and _hashes(place).keys() == {ENCODER, DECODER}):
            place = _fetched(config["hub_id"], config["revision"])
        if (found := _hashes(place)) != expected:
            _another(place, *(", ".join(f"{name} {each[name][:12]}" for name in each) for each in (expected, found)))
        return cls(**config, folder=place)

    def _coded(self, video_BCTHW: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield numbers (1, T, H, W) and codes (1, 6, T, H, W) of each clip; the third output is a loss, always zero."""
        for clip_CTHW in video_BCTHW:
            pixels_CTHW = clip_CTHW.to(self._device).float() / 127.5 - 1
            number_1THW, code_16THW, *_ = _run(self.encoder, pixels_CTHW[None].to(self._dtype))
            yield number_1THW, code_16THW

    @torch.no_grad()
    def _try(self) -> None:
        """Refuse programs that make something else of a clip of noise, which reaches many codes."""
        video_BCTHW = torch.randint(256, _PROBED, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        latent = (1 + (_PROBED[2] - 1) // self.temporal, *(side // self.spatial for side in _PROBED[3:]))
        expected = f"numbers of {self.codes} codes, {(self.channels, *latent)} for video of {_PROBED[1:]}"
        try:
            ((number_1THW, code_16THW),) = self._coded(video_BCTHW)
            restored_BCTHW = self.decode(number_1THW[None])
            agrees = torch.equal(self.embed(number_1THW[None]).cpu(), code_16THW.float().cpu())
        except (RuntimeError, ValueError, TypeError) as error:
            _another(self.folder, expected, str(error).strip().rpartition("\n")[2])
        sizes = tuple(number_1THW.shape), tuple(restored_BCTHW.shape[1:])
        if sizes != ((self.channels, *latent), _PROBED[1:]) or not agrees or self.codes != prod(LEVELS):
            found = f"numbers of {prod(LEVELS)} codes" if agrees else "numbers in another order"
            _another(self.folder, expected, f"{found}, {sizes[0]} for video of {sizes[1]}")

    @property
    def _dtype(self) -> torch.dtype:
        dtype: torch.dtype = getattr(torch, self.precision)
        return dtype

    @property
    def _device(self) -> torch.device:
        return next((weight.device for weight in self.encoder.parameters()), torch.device("cpu"))


def _fetched(hub_id: str, revision: str) -> Path:
    if not hub_id.startswith(_TRUSTED):
        fail(
            "CR622",
            "the video tokenizer is a program of somebody else's, which is not run",
            place=Place(file=hub_id),
            expected=f"a repository of {_TRUSTED}",
            found=hub_id,
            hint=f"start from a folder with the {ENCODER} and {DECODER} that you trust in `vae`",
        )
    return hub.fetch(hub_id, revision, (ENCODER, DECODER))


def _program(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            # NVIDIA publishes the tokenizer in no other form.
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.load(path, map_location="cpu").eval()
    except (RuntimeError, ValueError, OSError) as error:
        fail(
            "CR621",
            "the video tokenizer cannot be read",
            place=Place(file=str(path)),
            expected=f"{ENCODER} and {DECODER} in TorchScript, as NVIDIA publishes them",
            found=str(error).strip().partition("\n")[0] if path.is_file() else "no such file",
            hint="get the folder again: a download or a copy was cut off",
        )


def _run(program: Any, *inputs: Tensor) -> Any:
    """Run a program as it stands: optimised on the way, its second run could round otherwise than its first."""
    with _JIT.optimized_execution(False):
        return program(*inputs)


def _hashes(folder: Path) -> dict[str, str]:
    return {name: sha256(folder / name) for name in (ENCODER, DECODER) if (folder / name).is_file()}


def _another(folder: Path, expected: str, found: str) -> NoReturn:
    fail(
        "CR622",
        f"the video tokenizer is not the {CosmosDiscreteTokenizer.name} that is needed",
        place=Place(file=str(folder)),
        expected=expected,
        found=found,
        hint=f"use {ENCODER} and {DECODER} of the repository and revision that the backbone names",
    )
