"""A world model whole: tokenizer, network and conditioning head, with its loss, its sampler and its files.

Legend: B batch, C channels, T frames (of pixels or latents), H height, W width. Several views of a clip lie one after the
other along T, each with all its frames.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cosmos_recipes.backbones.adapters import adapt, is_adapted, load_network, merge, save_adapters
from cosmos_recipes.backbones.networks import build_network
from cosmos_recipes.backbones.objectives import Sampling, objective_entry
from cosmos_recipes.backbones.stored import fitting, gathered, load_built, save_config, save_stored
from cosmos_recipes.backbones.tokenizers import build_tokenizer, load_tokenizer
from cosmos_recipes.backbones.weights import Weights, require_unchanged
from cosmos_recipes.backbones.zoo import TextEntry
from cosmos_recipes.compiler.plan import BackbonePlan, Plan
from cosmos_recipes.compiler.shape import latent_frames
from cosmos_recipes.compiler.trained import WorldModelConfig, read_config, require_sound
from cosmos_recipes.conditioning.base import Surroundings
from cosmos_recipes.conditioning.base import head as find_head
from cosmos_recipes.training.families import Family
from cosmos_recipes.training.frames import apart, together
from cosmos_recipes.training.losses import Losses

if TYPE_CHECKING:
    from cosmos_recipes.conditioning.networks import Control


class WorldModel(nn.Module):
    """Predicts the rest of a clip from its given frames and a control.

    `transformer` is the network of its family, `tokenizer` and `head` are what the plan names.
    """

    # Modules of libraries without types, or found by name.
    transformer: Any
    tokenizer: Any
    head: Any
    # What its family knows of.
    objective: Any
    place: Tensor

    def __init__(
        self, config: WorldModelConfig, *, transformer: nn.Module, tokenizer: nn.Module, head: nn.Module
    ) -> None:
        super().__init__()
        self.config, self.objective = config, objective_entry(config.objective)
        self.family = Family.of(config.family)
        self.transformer, self.tokenizer, self.head = transformer, tokenizer.requires_grad_(False), head
        # Weights may wait in host memory: buffers are where the work is done.
        self.register_buffer("place", torch.empty(0), persistent=False)

    @classmethod
    def build(cls, plan: Plan, *, tokenizer: Path | None = None) -> WorldModel:
        """Return the model that `plan` starts from; `tokenizer` is the folder of one that was fitted to the data.

        Raises:
            RecipeError: the weights to start from are not those of the plan (CR607), or do not make a model (CR164).
        """
        backbone, clip = plan.backbone, plan.data.clip
        config = WorldModelConfig(
            head=plan.conditioning.head,
            text=backbone.text.model_dump(),
            objective=backbone.objective.model_dump(mode="json"),
            given_frames=clip.given_frames,
            fewest_given_frames=clip.fewest_given_frames,
            rate_hz=clip.rate_hz,
            dropout=plan.conditioning.dropout,
            family=backbone.family,
            task=plan.task,
            clip={"frames": clip.frames, "height_px": clip.height_px, "width_px": clip.width_px},
            numbers=plan.data.numbers,
            rates_hz=plan.data.rates_hz,
            views=clip.views,
            attention=plan.conditioning.attention,
            layout=plan.conditioning.layout,
            sees=plan.conditioning.sees,
            enters=plan.conditioning.enters,
            base=_base(plan),
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(plan.seed)
            head = find_head(config.head).build(surroundings(config, backbone.architecture, backbone.tokenizer))
        fitted = load_tokenizer(tokenizer) if tokenizer else build_tokenizer(backbone.tokenizer)
        if backbone.weights is None:
            transformer = build_network(backbone.family, backbone.architecture, seed=plan.seed)
            if tokenizer and backbone.family == "autoregressive":
                code = torch.arange(fitted.codes).view(-1, 1, 1, 1, 1)
                transformer.liken(fitted.embed(code).flatten(1))
            _begin(head, transformer)
        else:
            folder = Weights(label=backbone.weights).folder
            with fitting(folder):
                transformer = _started(backbone, config, head)
                if tokenizer and backbone.refit:
                    transformer.recode(*fitted.likest(load_tokenizer(folder / "tokenizer")))
        if (rank := plan.train.lora_rank) and (alpha := plan.train.lora_alpha):
            adapt(transformer, rank=rank, alpha=alpha, seed=plan.seed)
        return cls(config, transformer=transformer, tokenizer=fitted, head=head)

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Control:
        """Return the batch-first control tensors of rows, on the model's device."""
        return self._placed(self.head.collate(rows))

    def null(self, batch: int) -> Control:
        """Return the control that says nothing, for a batch."""
        return self._placed(self.head.null(batch))

    def encode(self, video_BCTHW: Tensor) -> Tensor:
        """Return latents of uint8 video: float32, or the numbers of tokens; every view is encoded on its own."""
        return self._by_view(self.tokenizer.encode, video_BCTHW)

    def decode(self, latent_BCTHW: Tensor) -> Tensor:
        """Return uint8 video of latents; every view is decoded on its own."""
        return self._by_view(self.tokenizer.decode, latent_BCTHW)

    def features(self, video_BCTHW: Tensor) -> Tensor:
        """Return what latents can be compared by: themselves, or what the codes of tokens stand for."""
        latent_BCTHW = self.encode(video_BCTHW)
        return latent_BCTHW if latent_BCTHW.is_floating_point() else self._by_view(self.tokenizer.embed, latent_BCTHW)

    def loss(self, latent_BCTHW: Tensor, control: Control, **how: Any) -> Tensor:
        """Return the mean squared error of each clip (B,), as it is logged and measured; see `losses`."""
        return self.losses(latent_BCTHW, control, **how).raw_B

    def losses(
        self,
        latent_BCTHW: Tensor,
        control: Control,
        *,
        seed: int,
        step: int,
        samples: Sequence[int],
        dropout: float | None = None,
        draw_given: bool = True,
    ) -> Losses:
        """Return the error and the loss of each clip, over the frames that are not given.

        Noise, its level, dropped controls and the number of given frames depend on (seed, step, sample) alone; `samples`
        are positions in the global batch. To measure, pass `dropout` 0 and `draw_given` False: then given frames are as
        many, and as noisy, as for generating.
        """
        return self.family.losses(
            self,
            latent_BCTHW,
            control,
            seed=seed,
            step=step,
            samples=samples,
            dropout=self.config.dropout if dropout is None else dropout,
            fewest_given=self.fewest_given_latent_frames if draw_given else self.given_latent_frames,
            training=draw_given,
        )

    def generate(
        self,
        given_BCTHW: Tensor,
        control: Control,
        *,
        frames: int,
        sampling: Sampling,
        guidance: float,
        seeds: Sequence[int],
    ) -> Tensor:
        """Return uint8 clips of `frames` frames of each view, which begin with the given ones of each as they are.

        The sampler is that of the objective; one seed per clip. Guidance 1 is none.

        Raises:
            TypeError: `sampling` is of the other family: NoiseSampling removes noise, TokenSampling draws tokens.
        """
        if type(sampling) is not self.family.sampling:
            kind = self.family.sampling.__name__
            raise TypeError(f"a {self.config.family} model is sampled with {kind}, not {type(sampling).__name__}")
        return self.family.generate(
            self, given_BCTHW, control, frames=frames, sampling=sampling, guidance=guidance, seeds=seeds
        )

    @property
    def view_count(self) -> int:
        """Views of a clip; one where they have no names."""
        return max(1, len(self.config.views))

    def _by_view(self, convert: Callable[[Tensor], Tensor], whole_BCTHW: Tensor) -> Tensor:
        return together(convert(apart(whole_BCTHW, self.view_count)), self.view_count)

    @property
    def given_latent_frames(self) -> int:
        """Latent frames that the given frames of a view fill."""
        return latent_frames(self.config.given_frames, self.tokenizer.temporal)

    @property
    def fewest_given_latent_frames(self) -> int:
        """Latent frames that the fewest given frames of a view fill in training."""
        fewest = self.config.fewest_given_frames
        return self.given_latent_frames if fewest is None else latent_frames(fewest, self.tokenizer.temporal)

    def _placed(self, control: Control) -> Control:
        device = self.place.device
        return {name: value.to(device) for name, value in control.items()}

    def save_pretrained(self, folder: Path, *, writes: bool = True) -> None:
        """Write `transformer/`, `tokenizer/`, `head/` and `cosmos_recipe.json`.

        Of a network with adapters, they alone are written, beside the folders, and the configuration of the network.
        Where processes share the model, every one must call this, and one `writes`.
        """
        if writes:
            save_config(self.transformer, folder / "transformer")
        if is_adapted(self.transformer):
            save_adapters(self.transformer, folder, writes=writes)
        else:
            save_stored(self.transformer, folder / "transformer", writes=writes)
        head = gathered(self.head.state_dict(), keeps=writes)
        if not writes:
            return
        self.tokenizer.save_pretrained(folder / "tokenizer")
        (folder / "head").mkdir(parents=True, exist_ok=True)
        save_file(head, folder / "head" / "model.safetensors")
        (folder / "cosmos_recipe.json").write_text(json.dumps(vars(self.config), indent=2) + "\n")

    @classmethod
    def from_pretrained(cls, folder: Path, *, base: Path | None = None) -> WorldModel:
        """Read what `save_pretrained` wrote, ready to generate.

        `base` is the folder of the model that adapters are for, if it is not where they were trained.

        Raises:
            RecipeError: that model is gone or another one (CR607), or the adapters do not fit it (CR608); or the files are
                not those of one model (CR161, CR162, CR164, CR620, CR621).
        """
        require_sound(folder)
        config = read_config(folder)
        with fitting(folder):
            transformer, tokenizer = load_network(folder, base=base), load_tokenizer(folder / "tokenizer")
            around = surroundings(config, transformer.config, tokenizer)
            head = load_built(lambda: find_head(config.head).build(around), folder / "head" / "model.safetensors")
            return cls(config, transformer=transformer, tokenizer=tokenizer, head=head).eval()


def surroundings(config: WorldModelConfig, architecture: Mapping[str, Any], tokenizer: Any) -> Surroundings:
    """Return what the head of a model is built for; `tokenizer` says what a latent cell stands for."""
    return Surroundings.of(
        architecture,
        text=TextEntry(**config.text),
        spatial=tokenizer.spatial,
        temporal=tokenizer.temporal,
        size_px=(config.clip.get("height_px", 0), config.clip.get("width_px", 0)),
        frames=config.clip.get("frames", 1),
        numbers=config.numbers,
        rate_hz=config.rate_hz,
        rates_hz=config.rates_hz,
        views=config.views,
        attention=config.attention or "full",
        sees=config.sees or {},
        enters=config.enters,
    )


def _base(plan: Plan) -> dict[str, str | None] | None:
    if plan.train.method == "full":
        return None
    return {"weights": plan.backbone.weights, "sha256": plan.backbone.weights_sha256}


def _started(backbone: BackbonePlan, config: WorldModelConfig, head: nn.Module) -> Any:
    """Return the network of a trained model, after giving its head's weights to a head of the same kind.

    Where the model was trained with captions alone, a head that takes captions too begins with what reads them.
    """
    weights = Weights(label=str(backbone.weights))
    require_unchanged(weights, backbone.weights_sha256)
    folder, kind = weights.fetched("transformer"), find_head(config.head)
    transformer = merge(load_network(folder, architecture=backbone.architecture)).train()
    _begin(head, transformer)
    if weights.is_pipeline:
        return transformer
    theirs = read_config(folder)
    begins = getattr(head, "text", None) if theirs.head == "text" else None
    enters = [kind.entry(chosen, config.family) for chosen in (theirs.enters, config.enters)]
    if theirs.head == config.head and enters[0] == enters[1]:
        begins = head
    if begins is not None:
        begins.load_state_dict(load_file(folder / "head" / "model.safetensors"))
    return transformer


def _begin(head: nn.Module, transformer: nn.Module) -> None:
    """Let a new head take what it begins with from the network."""
    start_from: Any = getattr(head, "start_from", None)
    if start_from is not None:
        start_from(transformer)
