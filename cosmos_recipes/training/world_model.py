"""A world model whole: tokenizer, network and conditioning head, with its loss, its sampler and its files.

Legend: B batch, C channels, T frames (of pixels or latents), H height, W width. Several views of a clip lie one after the
other along T, each with all its frames.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cosmos_recipes.backbones.diffusion import build_transformer, load_transformer, save_transformer
from cosmos_recipes.backbones.places import PER_FRAME, PLACES
from cosmos_recipes.backbones.tokenizers import build_tokenizer, load_tokenizer
from cosmos_recipes.backbones.weights import Weights, require_unchanged
from cosmos_recipes.backbones.zoo import ObjectiveEntry, TextEntry
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import Surroundings
from cosmos_recipes.conditioning.base import head as find_head
from cosmos_recipes.training.objectives import draw, generator

if TYPE_CHECKING:
    from cosmos_recipes.conditioning.networks import Control


@dataclass(frozen=True, kw_only=True)
class WorldModelConfig:
    """What is needed, besides the weights, to run a world model: `cosmos_recipe.json` of a package."""

    head: str
    text: dict[str, Any]
    objective: dict[str, Any]
    given_frames: int
    rate_hz: float
    fewest_given_frames: int | None = None
    dropout: float = 0.0
    family: str = "diffusion"
    task: str = "general"
    clip: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    views: tuple[str, ...] = ()


class WorldModel(nn.Module):
    """Predicts the rest of a clip from its given frames and a control.

    `transformer` is diffusers' `CosmosTransformer3DModel`, `tokenizer` and `head` are what the plan names.
    """

    # Modules of libraries without types, or found by name.
    transformer: Any
    tokenizer: Any
    head: Any

    def __init__(
        self, config: WorldModelConfig, *, transformer: nn.Module, tokenizer: nn.Module, head: nn.Module
    ) -> None:
        super().__init__()
        self.config, self.objective = config, ObjectiveEntry(**config.objective)
        self.transformer, self.tokenizer, self.head = transformer, tokenizer.requires_grad_(False), head

    @classmethod
    def build(cls, plan: Plan, *, tokenizer: Path | None = None) -> WorldModel:
        """Return the model that `plan` starts from; `tokenizer` is the folder of one that was fitted to the data.

        Raises:
            RecipeError: the weights to start from are not those of the plan (CR607).
        """
        backbone, clip = plan.backbone, plan.data.clip
        config = WorldModelConfig(
            head=plan.conditioning.head,
            text=backbone.text.model_dump(),
            objective=backbone.objective.model_dump(),
            given_frames=clip.given_frames,
            fewest_given_frames=clip.fewest_given_frames,
            rate_hz=clip.rate_hz,
            dropout=plan.conditioning.dropout,
            family=backbone.family,
            task=plan.task,
            clip={"frames": clip.frames, "height_px": clip.height_px, "width_px": clip.width_px},
            numbers=plan.data.numbers,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            head = find_head(config.head).build(surroundings(config, backbone.architecture, backbone.tokenizer))
        if backbone.weights is None:
            transformer = build_transformer(backbone.architecture, seed=plan.seed)
        else:
            transformer = _started(Weights(label=backbone.weights), backbone.weights_sha256, config.head, head)
        return cls(
            config,
            transformer=transformer,
            tokenizer=load_tokenizer(tokenizer) if tokenizer else build_tokenizer(backbone.tokenizer),
            head=head,
        )

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Control:
        """Return the batch-first control tensors of rows, on the model's device."""
        return self._placed(self.head.collate(rows))

    def null(self, batch: int) -> Control:
        """Return the control that says nothing, for a batch."""
        return self._placed(self.head.null(batch))

    def encode(self, video_BCTHW: Tensor) -> Tensor:
        """Return float32 latents of uint8 video; every view is encoded on its own."""
        return self._by_view(self.tokenizer.encode, video_BCTHW)

    def decode(self, latent_BCTHW: Tensor) -> Tensor:
        """Return uint8 video of latents; every view is decoded on its own."""
        return self._by_view(self.tokenizer.decode, latent_BCTHW)

    def loss(
        self,
        latent_BCTHW: Tensor,
        control: Control,
        *,
        seed: int,
        step: int,
        samples: Sequence[int],
        dropout: float | None = None,
        draw_given: bool = True,
    ) -> Tensor:
        """Return the mean squared velocity error per clip (B,), over the frames that are not given.

        Noise, time, dropped controls and the number of given frames depend on (seed, step, sample) alone; `samples`
        are positions in the global batch. To measure, pass `dropout` 0 and `draw_given` False: then given frames are as
        many as for generating.
        """
        most = self.given_latent_frames
        drawn = draw(
            latent_BCTHW,
            given=(self._latent_frames(self.config.fewest_given_frames) if draw_given else most, most),
            shift=self.objective.shift,
            dropout=self.config.dropout if dropout is None else dropout,
            seed=seed,
            step=step,
            samples=samples,
        )
        control = _where(drawn.dropped_B, self.null(len(samples)), control)
        given_BT = torch.arange(latent_BCTHW.shape[2], device=latent_BCTHW.device) < drawn.given_B[:, None]
        velocity_BCTHW = self._velocity(drawn.noisy_BCTHW, latent_BCTHW, given_BT, drawn.time_B, control)
        error_BT = (velocity_BCTHW.float() - drawn.velocity_BCTHW).square().mean((1, 3, 4))
        return error_BT.masked_fill(given_BT, 0).sum(1) / (~given_BT).sum(1)

    @torch.no_grad()
    def generate(
        self, given_BCTHW: Tensor, control: Control, *, frames: int, steps: int, guidance: float, seeds: Sequence[int]
    ) -> Tensor:
        """Return uint8 clips of `frames` frames, which begin with the given ones as they are.

        Euler steps along the flow on diffusers' schedule; one seed per clip. Guidance 1 is none.
        """
        given_latent = self.encode(given_BCTHW)
        count, channels, given, height, width = given_latent.shape
        latent_frames = 1 + (frames - 1) // self.tokenizer.temporal
        noise = [torch.randn(channels, latent_frames, height, width, generator=generator(seed)) for seed in seeds]
        latent = torch.stack(noise).to(given_latent)
        given_BT = (torch.arange(latent_frames, device=latent.device) < given).expand(count, -1)
        known = torch.cat([given_latent, latent[:, :, given:]], 2)
        scheduler = _scheduler(shift=self.objective.shift)
        scheduler.set_timesteps(steps, device=latent.device)
        for timestep in scheduler.timesteps:
            time_B = (timestep / 1000).expand(count).to(latent)
            velocity = self._guided_velocity(latent, known, given_BT, time_B, control, guidance)
            latent = scheduler.step(velocity.float(), timestep, latent).prev_sample
        latent = torch.cat([given_latent, latent[:, :, given:]], 2)
        return torch.cat([given_BCTHW, self.decode(latent)[:, :, given_BCTHW.shape[2] :]], 2)

    @property
    def view_count(self) -> int:
        """Views of a clip; one where they have no names."""
        return max(1, len(self.config.views))

    def _by_view(self, convert: Callable[[Tensor], Tensor], whole_BCTHW: Tensor) -> Tensor:
        apart_NCTHW = whole_BCTHW.unflatten(2, (self.view_count, -1)).transpose(1, 2).flatten(0, 1)
        converted_BVCTHW: Tensor = convert(apart_NCTHW).unflatten(0, (-1, self.view_count))
        return converted_BVCTHW.transpose(1, 2).flatten(2, 3)

    @property
    def given_latent_frames(self) -> int:
        """Latent frames that the given frames fill."""
        return self._latent_frames(None)

    def _latent_frames(self, given_frames: int | None) -> int:
        return 1 + ((given_frames or self.config.given_frames) - 1) // int(self.tokenizer.temporal)

    def _guided_velocity(
        self, latent: Tensor, known: Tensor, given_BT: Tensor, time_B: Tensor, control: Control, guidance: float
    ) -> Tensor:
        velocity = self._velocity(latent, known, given_BT, time_B, control)
        if guidance == 1:
            return velocity
        free = self._velocity(latent, known, given_BT, time_B, self.null(len(latent)))
        return free + guidance * (velocity - free)

    def _velocity(
        self, noisy_BCTHW: Tensor, known_BCTHW: Tensor, given_BT: Tensor, time_B: Tensor, control: Control
    ) -> Tensor:
        """Return the predicted velocity; given frames enter clean, marked by a channel of ones, as in Video2World."""
        inputs = self.head(control)
        added = {place: inputs.pop(place) for place in PLACES if place in inputs}
        is_given = given_BT[:, None, :, None, None]
        hidden = torch.where(is_given, known_BCTHW, noisy_BCTHW)
        mask = is_given.expand_as(hidden[:, :1]).to(hidden)
        time_B = time_B * self.objective.settings.get("timestep_scale", 1.0)
        # What enters with the time of each frame needs a time for each frame.
        timestep = time_B
        if any(place in added for place in PER_FRAME):
            timestep = time_B[:, None, None, None, None].expand_as(mask[:, :, :, :1, :1])
        self.transformer.entrance.enter(added)
        velocity_BCTHW: Tensor = self.transformer(
            hidden_states=hidden, timestep=timestep, condition_mask=mask, return_dict=False, **inputs
        )[0]
        return velocity_BCTHW

    def _placed(self, control: Control) -> Control:
        device = self.transformer.device
        return {name: value.to(device) for name, value in control.items()}

    def save_pretrained(self, folder: Path) -> None:
        """Write `transformer/`, `tokenizer/`, `head/` and `cosmos_recipe.json`."""
        save_transformer(self.transformer, folder / "transformer")
        self.tokenizer.save_pretrained(folder / "tokenizer")
        (folder / "head").mkdir(parents=True, exist_ok=True)
        save_file(self.head.state_dict(), folder / "head" / "model.safetensors")
        (folder / "cosmos_recipe.json").write_text(json.dumps(vars(self.config), indent=2) + "\n")

    @classmethod
    def from_pretrained(cls, folder: Path) -> WorldModel:
        """Read what `save_pretrained` wrote, ready to generate."""
        said = json.loads((folder / "cosmos_recipe.json").read_text())
        config = WorldModelConfig(**{**said, "views": tuple(said.get("views", ()))})
        transformer, tokenizer = load_transformer(str(folder / "transformer")), load_tokenizer(folder / "tokenizer")
        head = find_head(config.head).build(surroundings(config, transformer.config, tokenizer))
        head.load_state_dict(load_file(folder / "head" / "model.safetensors"))
        return cls(config, transformer=transformer, tokenizer=tokenizer, head=head).eval()


def surroundings(config: WorldModelConfig, architecture: Mapping[str, Any], tokenizer: Any) -> Surroundings:
    """Return what the head of a model is built for; `tokenizer` says what a latent cell stands for."""
    _, patch_height, patch_width = architecture["patch_size"]
    height, width = (config.clip.get(name, 0) // tokenizer.spatial for name in ("height_px", "width_px"))
    return Surroundings(
        text=TextEntry(**config.text),
        width=architecture["num_attention_heads"] * architecture["attention_head_dim"],
        blocks=architecture["num_layers"],
        grid=(height // patch_height, width // patch_width),
        temporal=tokenizer.temporal,
        frames=config.clip.get("frames", 1),
        numbers=config.numbers,
    )


def _started(weights: Weights, expected_sha256: str | None, head_name: str, head: nn.Module) -> Any:
    """Return the network of a trained model, after giving its head's weights to a head of the same kind."""
    require_unchanged(weights, expected_sha256)
    folder = weights.fetched("transformer")
    if not weights.is_pipeline and json.loads((folder / "cosmos_recipe.json").read_text())["head"] == head_name:
        head.load_state_dict(load_file(folder / "head" / "model.safetensors"))
    return load_transformer(str(folder / "transformer")).train()


def _scheduler(**settings: Any) -> Any:
    scheduler: Any = FlowMatchEulerDiscreteScheduler
    return scheduler(**settings)


def _where(chosen_B: Tensor, ours: Control, others: Control) -> Control:
    """Return `ours` for the chosen clips and `others` for the rest."""
    return {
        name: torch.where(chosen_B.view(-1, *[1] * (value.ndim - 1)), ours[name], value)
        for name, value in others.items()
    }
