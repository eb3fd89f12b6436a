"""What every conditioning head has to pass, ours and those of other packages: call these functions from a test of yours.

They need no test framework: what is wrong is an `AssertionError` that says it. A `bench` is a small network of a family
with the head built for it, and two clips of nine frames, of which a tokenizer makes three latent frames:

    for way in ways(MyHead()):
        require_no_op_then_learning(bench(MyHead(), way, rows=ROWS, numbers={"gaze": 2}))

Legend: B batch, C channels, T latent frames, H height, W width, S slots of tokens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cosmos_recipes.backbones.adapters import adapt
from cosmos_recipes.backbones.places import CONTEXT, PER_FRAME, PLACES
from cosmos_recipes.backbones.testing import (
    BEGIN,
    DECODER,
    small_decoder,
    small_transformer,
    tokens,
    transformer_architecture,
)
from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.conditioning.base import Head, Surroundings
from cosmos_recipes.conditioning.base import head as find_head

Rows = Sequence[Mapping[str, Any]]
Entering = Callable[[dict[str, Tensor]], dict[str, Any]]

CLIPS, TEMPORAL, LATENT_FRAMES = 2, 4, 3
FRAMES = 1 + TEMPORAL * (LATENT_FRAMES - 1)
STEPS = FRAMES - 1
NUMBERS = {"action": 3, "trajectory": 16}
"""Numbers of a row, or points to come, of the columns in `example_rows`."""
UPDATES = 4
"""Steps in which a gradient gets from a layer of zeros to all that lies before it."""


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way into a network: its family, and the one of the head's entries there, None where it has one."""

    family: str
    enters: str | None = None


def ways(head: Head) -> list[Way]:
    """Return every way in that a head has."""
    return [Way(family=family, enters=entry) for family in head.families for entry in head.entries.get(family, (None,))]


def example_rows() -> list[dict[str, Any]]:
    """Return two clips with every column that our own heads ask for."""
    random = np.random.default_rng(0)
    pose_T44 = np.repeat(np.eye(4, dtype=np.float32)[None], FRAMES, axis=0)
    pose_T44[:, :3, 3] = random.normal(size=(FRAMES, 3))
    both = {
        "pose": pose_T44,
        "intrinsics": np.full((FRAMES, 4), 0.5, np.float32),
        "trajectory": random.normal(size=(NUMBERS["trajectory"], 3)).astype(np.float32),
    }
    actions = random.normal(size=(CLIPS, STEPS, NUMBERS["action"])).astype(np.float32)
    captions = ("the arm picks the red part", "")
    return [{"caption": text, "action": action, **both} for text, action in zip(captions, actions, strict=True)]


@dataclass(kw_only=True)
class Bench(ABC):
    """A head, built for a small network of a family, and the control of two clips."""

    head: Head
    around: Surroundings
    network: Any
    rows: Rows
    # Networks that `Head.build` returns have more than a module.
    built: Any = field(init=False)
    none: Any = field(init=False)
    control: dict[str, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        self.views = 2 if self.head.of_views else 1
        self.built = self.head.build(self.around)
        self.none = find_head("none").build(self.around)
        self.control = self.built.collate(self.rows)

    @abstractmethod
    def predict(self, entering: Entering, control: dict[str, Tensor]) -> Tensor:
        """Return what the network predicts of the same clips when what a head makes of a control enters it."""

    @property
    def base(self) -> Tensor:
        """What the network predicts without a head."""
        return self.predict(self.none, self.none.null(CLIPS))


class DiffusionBench(Bench):
    """A bench of the diffusion family."""

    def predict(self, entering: Entering, control: dict[str, Tensor]) -> Tensor:
        """See `Bench.predict`."""
        inputs = entering(control)
        added = {place: inputs.pop(place) for place in PLACES if place in inputs}
        frames, channels = self.views * LATENT_FRAMES, self.network.config.out_channels
        shape = (CLIPS, channels, frames, *self._cells)
        latent_BCTHW = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        self.network.entrance.enter(added, views=self.views)
        found: Tensor = self.network(
            hidden_states=latent_BCTHW,
            timestep=self._time(frames),
            condition_mask=torch.zeros_like(latent_BCTHW[:, :1]),
            return_dict=False,
            **inputs,
        )[0]
        return found

    @property
    def _cells(self) -> tuple[int, int]:
        (rows, columns), (high, wide) = self.around.grid, self.around.patch
        return rows * high, columns * wide

    def _time(self, frames: int) -> Tensor:
        time_B = torch.tensor([300.0, 800.0])
        if not any(place in self.built(self.control) for place in PER_FRAME):
            return time_B
        return time_B.view(-1, 1, 1, 1, 1).expand(CLIPS, 1, frames, 1, 1)


class DecoderBench(Bench):
    """A bench of the autoregressive family."""

    def predict(self, entering: Entering, control: dict[str, Tensor], layout: str = "time-major") -> Tensor:
        """See `Bench.predict`; the views of a clip follow each other in this layout."""
        shape = (LATENT_FRAMES, *self.around.grid)
        sequence = self.network.sequence(shape, views=self.views, layout=layout)
        held_BS = sequence.held(tokens(CLIPS, shape, self.views), BEGIN)
        found: Tensor = self.network(held_BS, self.network.around(sequence, entering(control)))
        return found


def bench(
    head: Head,
    way: Way,
    *,
    rows: Rows | None = None,
    numbers: Mapping[str, int] | None = None,
    patch: int = 1,
    **around: Any,
) -> Any:
    """Return a bench for a way in of a head.

    `rows` are two clips, each with an array of nine frames (or eight steps) for every column of the head, and `numbers` says
    how many numbers a row of each column has; by default those of `example_rows`. A token of the diffusion family is a
    `patch` of so many latent cells on a side. What `around` the head differs from the usual is named by its fields.
    """
    causal = way.family == "autoregressive"
    side = 2 if causal else 4
    text = backbone(f"tiny-{way.family}").text
    surroundings = Surroundings.of(
        DECODER if causal else transformer_architecture(patch),
        text=text.model_copy(update={"width": DECODER["text_embed_dim"]}) if causal else text,
        spatial=1,
        temporal=TEMPORAL,
        size_px=(side, side),
        frames=FRAMES,
        numbers=numbers or NUMBERS,
        rate_hz=5.0,
        enters=way.enters,
        **{"views": ("front", "left"), "rates_hz": {"trajectory": 10.0}, **around},
    )
    kind = DecoderBench if causal else DiffusionBench
    network = small_decoder() if causal else small_transformer(patch)
    return kind(head=head, around=surroundings, network=network, rows=rows or example_rows())


def unreached(new: Mapping[str, torch.nn.Parameter], predict: Callable[[], Tensor]) -> list[str]:
    """Return the names of the parameters that no gradient has reached after a few steps."""
    for _ in range(UPDATES):
        optimizer = torch.optim.SGD(new.values(), lr=0.1)
        optimizer.zero_grad()
        predict().square().mean().backward()
        optimizer.step()
    return [name for name, parameter in new.items() if parameter.grad is None or not parameter.grad.any()]


def require_context(bench: Bench) -> None:
    """Ask that the head gives a context of the width that the network takes, and that no control is of the same shape."""
    context = bench.built(bench.control)["encoder_hidden_states"]
    width = bench.around.text.width
    assert (len(context), context.shape[-1]) == (CLIPS, width), (
        f"encoder_hidden_states is {tuple(context.shape)}, and the network takes ({CLIPS}, ..., {width})"
    )
    null, told = (
        {key: value.shape for key, value in each.items()} for each in (bench.built.null(CLIPS), bench.control)
    )
    assert null == told, f"`null` gives {null}, and `collate` {told}"


def require_planned_parameters(bench: Bench) -> None:
    """Ask that `Head.parameters` counts what `Head.build` makes: otherwise a plan promises memory that the run lacks."""
    said, there = bench.head.parameters(bench.around), sum(each.numel() for each in bench.built.parameters())
    assert said == there, f"`parameters` says {said}, and `build` makes {there}"


def require_no_op_then_learning(bench: Bench, *, adapters: bool = False) -> None:
    """Ask that the head begins as a no-op, that every part of it learns, and that a dropped control is none.

    At step 0 the network's output is that without a control, to the last bit; then the control is in it, and goes if dropped.
    With `adapters` the trunk has those, and they learn too.
    """
    base, trunk = bench.base, list(bench.network.parameters())
    if adapters:
        adapt(bench.network, rank=2, alpha=2, seed=0)

    def predict() -> Tensor:
        return bench.predict(bench.built, bench.control)

    assert torch.equal(predict(), base), (
        "a new head changes what the network predicts: let its last layers begin at zero"
    )
    new = _new_parameters(bench)
    if not new:
        return
    dead = unreached(new, predict)
    assert not dead, f"no gradient reaches {', '.join(dead)}"
    assert not torch.equal(predict(), base), "a head that has learned changes nothing"
    if adapters:
        assert all(parameter.grad is None for parameter in trunk), "the trunk learns, and not its adapters alone"
    elif not bench.head.of_views:
        # Which view a frame is of stays known when the control is dropped.
        dropped = bench.predict(bench.built, bench.built.null(CLIPS))
        assert torch.equal(dropped, base), "a dropped control still changes what the network predicts"


def _new_parameters(bench: Bench) -> dict[str, torch.nn.Parameter]:
    entering = bench.built(bench.control)
    # Where every clip's text is zeros, attending to it has nothing to learn.
    blind = not entering["encoder_hidden_states"].any() and CONTEXT not in entering
    added = {name: each for name, each in bench.network.named_parameters() if "lora_" in name}
    own = {f"head.{name}": each for name, each in bench.built.named_parameters()}
    return own | {name: each for name, each in added.items() if not (blind and "attn2" in name)}
