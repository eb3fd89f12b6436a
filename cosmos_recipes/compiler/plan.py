"""The plan: everything that a run will do, nothing left open, and where each value came from."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from cosmos_recipes.backbones.objectives import ObjectiveEntry
from cosmos_recipes.backbones.zoo import TextEntry, TokenizerEntry
from cosmos_recipes.conditioning.base import Attention
from cosmos_recipes.data.binding.spec import ColumnStatistics, Normalisation
from cosmos_recipes.data.contract import Schema, load_schema
from cosmos_recipes.recipe.spec import MOST_SAMPLER_STEPS, Gate, Guidance, Layout, Name, Optimizer, Probability
from cosmos_recipes.recipe.spec import Recompute as Recompute
from cosmos_recipes.recipe.spec import Strategy as Strategy

PLAN_VERSION: Final = 2
CHANGEABLE = ("checkpoint_every", "keep_checkpoints", "keep_best", "keep_every_h", "skip_not_finite")
"""Settings of `train` that decide no weights: a run goes on after they are changed."""


class Part(BaseModel):
    """A part of the plan: frozen, closed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BackbonePlan(Part):
    """The network to start from. `architecture` holds the constructor arguments of its class.

    `weights` is the model to start from: inside the package where it is shipped (`shipped:NAME`), on the Hub
    (`hub:OWNER/NAME@REVISION`, a commit if the Hub answered) or a folder; None for weights drawn at random.
    `weights_sha256` covers everything in a folder. With `refit` the tokenizer is fitted to the data all the same.
    """

    name: str
    family: Literal["diffusion", "autoregressive"]
    hub_id: str | None
    revision: str | None
    weights: str | None
    weights_sha256: str | None = None
    refit: bool = False
    licence: str
    architecture: dict[str, Any]
    tokenizer: TokenizerEntry
    text: TextEntry
    objective: ObjectiveEntry
    parameters: int


class ClipPlan(Part):
    """The window, in frames and pixels, and what it becomes in the latent space.

    Frames are those of one view, tokens of all `views`, which have no names where there is one. Plans from before views
    were said have none.
    """

    frames: PositiveInt
    rate_hz: PositiveFloat
    height_px: PositiveInt
    width_px: PositiveInt
    stride: PositiveInt
    given_frames: NonNegativeInt
    fewest_given_frames: NonNegativeInt
    latent_frames: PositiveInt
    latent_height: PositiveInt
    latent_width: PositiveInt
    given_latent_frames: NonNegativeInt
    tokens: PositiveInt
    views: tuple[str, ...] = ()


class DecodePlan(Part):
    """Which back-end decodes each codec that the data holds, and why."""

    requested: Literal["auto", "dali", "cpu"]
    backends: dict[str, Literal["dali", "cpu"]]
    reason: str


class SetPlan(Part):
    """A data set: where its recordings are, and how they keep their contract.

    `views` and `bindings` say where in the source the contract's are from, and `held_out` which recordings are, where
    the data set's file says that. Plans from before these were said have none. `weight` is its share in a mixture.
    """

    name: str
    source: dict[str, Any]
    licence: str
    revision: str | None
    views: dict[str, str] = Field(default_factory=dict)
    bindings: dict[str, Any] = Field(default_factory=dict)
    held_out: float | tuple[str, ...] | None = None
    normalise: dict[str, Normalisation] = Field(default_factory=dict)
    statistics: dict[str, ColumnStatistics] = Field(default_factory=dict)
    on_missing: Literal["error", "drop"] = "drop"
    weight: float = 1.0


class DataPlan(SetPlan):
    """The data set, its contract, and the clips cut from it; `columns` are those that the model sees, by kind.

    `numbers` are how many each row of a column has, where its contract leaves that to the data, or how many points to
    come a clip has, of which there are `rates_hz` in a second. A mixture has its data sets in `mix`, and no source of its
    own. `contract` is the content of the schema's file, so that a run needs it no
    more; plans from before it was kept have none.
    """

    schema_name: str
    contract: dict[str, Any] = Field(default_factory=dict)
    columns: dict[str, str]
    numbers: dict[str, int] = Field(default_factory=dict)
    rates_hz: dict[str, float] = Field(default_factory=dict)
    splits: dict[str, str]
    limit: int | None
    clip: ClipPlan
    decode: DecodePlan
    transcode: bool = False
    mix: tuple[SetPlan, ...] = ()

    @property
    def sets(self) -> tuple[SetPlan, ...]:
        """The data sets of a mixture, or the one that there is."""
        return self.mix or (self,)

    def load_contract(self) -> Schema:
        """Return the contract: as it was when the plan was made, or, of a plan without one, that of its name."""
        return Schema.model_validate(self.contract) if self.contract else load_schema(self.schema_name)


class ConditioningPlan(Part):
    """The head, where it enters (None where there is one way in), and how often its control is dropped in training.

    `attention` and `sees` say how views see each other, where the head tells them apart, and `layout` how their tokens
    follow each other, where tokens do.
    """

    head: str
    enters: str | None = None
    dropout: float
    attention: Attention | None = None
    layout: Layout | None = None
    sees: dict[str, tuple[str, ...]] | None = None


class TrainPlan(Part):
    """Every setting of the optimisation.

    Plans from before `keep_best`, `keep_every_h` and `skip_not_finite` were said keep the newest and skip nothing.
    """

    method: Literal["full", "lora"]
    lora_rank: int | None
    lora_alpha: int | None
    steps: int
    global_batch: int
    micro_batch: int
    accumulate: int
    optimizer: Optimizer
    precision: Literal["bf16", "fp32"]
    ema: float | None
    checkpoint_every: int
    keep_checkpoints: int
    keep_best: int = 0
    keep_every_h: float | None = None
    skip_not_finite: int = 0
    log_every: int
    tensorboard: bool


class EvaluatePlan(Part):
    """What is measured, and how clips are drawn for it.

    A network that removes no noise has 0 `sampler_steps`; one that predicts no tokens has no `temperature`, `top_p` and
    `top_k`, and of another a `top_k` of None is all. They are here and not in the objective since they decide no weights.
    """

    clips: PositiveInt
    every: NonNegativeInt
    sampler_steps: Annotated[int, Field(ge=0, le=MOST_SAMPLER_STEPS)]
    temperature: NonNegativeFloat | None = None
    top_p: Probability | None = None
    top_k: PositiveInt | None = None
    guidance: Guidance
    samples: PositiveInt


class PublishPlan(Part):
    """Where the package goes."""

    repo: str
    public: bool


class HardwarePlan(Part):
    """Where it runs, `devices` processes on each of `nodes` machines, and how they share the work.

    Weights, gradients and optimizer state are split over `shard` processes (FSDP2), of which there are as many copies as
    fit (HSDP); the tokens of a clip over `context` neighbouring processes, and each matrix of the blocks over `tensor`.
    A global batch is thus split over world size / (context x tensor) data-parallel groups. `recompute` says which
    activations are computed again in the backward pass: none, the cheap ones of a block, or whole blocks; with `offload` the
    sharded state waits in host memory, and with `compile` each block is compiled. Training that finishes no step in
    `stall_s` seconds is ended.
    """

    accelerator: Literal["cpu", "gpu"]
    gpu: str | None
    nodes: int
    devices: int
    strategy: Strategy
    shard: int = 1
    context: int = 1
    tensor: int = 1
    recompute: Recompute = "none"
    offload: bool = False
    compile: bool = False
    stall_s: int = 1200

    @property
    def world(self) -> int:
        """Processes on all machines."""
        return self.nodes * self.devices

    @property
    def data_parallel(self) -> int:
        """Groups of processes, each of which trains on clips of its own."""
        return self.world // (self.context * self.tensor)


class HostPlan(Part):
    """Memory of the machine that needs most, in bytes: its processes, and the model or state that they hold there."""

    processes_bytes: int
    model_bytes: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return self.processes_bytes + self.model_bytes


class DiskPlan(Part):
    """Disk of a run, in bytes: the cache of latents, checkpoints, models, and what is left."""

    latents_bytes: int
    checkpoints_bytes: int
    models_bytes: int
    rest_bytes: int

    @property
    def total_bytes(self) -> int:
        """All of it."""
        return self.latents_bytes + self.checkpoints_bytes + self.models_bytes + self.rest_bytes


class TimePlan(Part):
    """A step in seconds, by part, and the training in hours of all GPUs together; ranges are from the lowest on.

    `cost` is in the currency of the `prices`, a file; None where that has no price for this kind of GPU.
    """

    arithmetic_s: float
    recomputation_s: float
    launches_s: float
    exchange_s: float
    peers_s: float
    host_s: float
    range_s: tuple[float, float]
    gpu_hours: tuple[float, float]
    cost: tuple[float, float] | None = None
    currency: str | None = None
    prices: str | None = None


class FitPlan(Part):
    """Estimates per device: memory in bytes, work in floating-point operations, time in seconds.

    `efficiency` is the share of the peak arithmetic that the time is reckoned with. `chosen` is the way to train in words, `alternatives` are the next best ways
    to train, `rejected` the faster ones that do not fit, each with the memory that it needs, and `impossible` why others
    cannot be. Plans from before a part was said have none of it.
    """

    weights_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    activations_bytes: int
    total_bytes: int
    available_bytes: int | None
    flops_per_step: float
    seconds_per_step: float | None
    average_bytes: int = 0
    copies_bytes: int = 0
    workspace_bytes: int = 0
    communication_bytes: int = 0
    efficiency: float | None = None
    chosen: str = ""
    time: TimePlan | None = None
    host: HostPlan | None = None
    disk: DiskPlan | None = None
    alternatives: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    impossible: tuple[str, ...] = ()


class Plan(Part):
    """What `run` executes. `origins` maps a dotted path of this document to where its value came from."""

    version: Literal[2] = PLAN_VERSION
    recipe: Name
    summary: str
    profile: Name | None
    task: str
    seed: int
    backbone: BackbonePlan
    data: DataPlan
    conditioning: ConditioningPlan
    train: TrainPlan
    evaluate: EvaluatePlan
    gate: Gate
    publish: PublishPlan
    hardware: HardwarePlan
    fit: FitPlan
    notes: tuple[str, ...] = Field((), description="What is legal and yet may not be meant.")
    sources: dict[str, str] = Field(default_factory=dict, description="Files read, and their sha256.")
    origins: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _noise_is_removed(self) -> Self:
        if self.backbone.family == "diffusion" and not self.evaluate.sampler_steps:
            raise ValueError("sampler_steps, by which a diffusion network removes noise")
        return self

    def fingerprint(self, *parts: str) -> str:
        """Return the sha256 of the named parts (all that decide the result, by default), as hex.

        The order of keys counts too: the model sees views in it.
        """
        names = parts or (
            "recipe",
            "task",
            "seed",
            "backbone",
            "data",
            "conditioning",
            "train",
            "evaluate",
            "gate",
            "publish",
            "hardware",
        )
        document = self.model_dump(mode="json", include=set(names))
        for name in CHANGEABLE:
            document.get("train", {}).pop(name, None)
        return hashlib.sha256(json.dumps(document).encode()).hexdigest()
