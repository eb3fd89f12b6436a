"""The recipe language, typed: one class per block, one sentence per field (help, JSON schema and docs read it)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from cosmos_recipes.recipe.quantities import Level, Memory, Rate, Size


def _whole(value: Any) -> Any:
    """Take `2e4`, which YAML reads as a floating-point number, as the whole number that it is."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _text(words: str) -> Any:
    """Say what a pattern means; editors show it too."""
    return {"patternErrorMessage": words}


MOST_PROFILES = 64
NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64, json_schema_extra=_text("lower-case letters and digits, with dots, dashes or underscores between them"))]
HeadName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._+-]*$", max_length=64, json_schema_extra=_text("lower-case letters and digits, with dots, dashes, underscores or plus signs between them"))]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1), BeforeValidator(_whole)]
Count = Annotated[int, Field(ge=0), BeforeValidator(_whole)]
Batch = Annotated[int, Field(ge=1, le=1_000_000), BeforeValidator(_whole)]
Processes = Annotated[int, Field(ge=1, le=1024), BeforeValidator(_whole)]
Guidance = Annotated[float, Field(ge=0, le=20)]
Probability = Annotated[float, Field(gt=0, le=1)]
MOST_SAMPLER_STEPS = 1000
"""Denoising steps that nobody needs more of: a clip of a stranger's model takes minutes, not years."""
Layout = Literal["time-major", "view-major"]
Strategy = Literal["single", "ddp", "fsdp2", "hsdp"]
Recompute = Literal["none", "selective", "full"]


class Block(BaseModel):
    """A block of the language: unknown keys are errors, types are exact, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True, allow_inf_nan=False, strict=True)


class Start(Block):
    """A backbone, the weights to start from, and what its video tokenizer is fitted to."""

    use: Name = Field(description="The world foundation model; `cosmos-recipe ls backbones` lists them.")
    weights: str = Field("base", min_length=1, description="`base` for the backbone's own weights, `none` to train from scratch, or the folder of a trained model.")
    tokenizer: Literal["base", "data"] = Field("base", description="`base` for the video tokenizer that the weights were trained with, or `data` for codes that are fitted to the data set; the network then begins each with what it knows of the nearest.")


class Clip(Block):
    """The window of frames that the model sees at once."""

    frames: Positive = Field(description="Frames in a clip, the given ones included.")
    rate: Rate = Field(description="Frames per second of the clip; the source is resampled to it.")
    size: Size = Field(description="Picture size in pixels as HEIGHTxWIDTH; frames are resized and centre-cropped to it.")
    stride: Positive | None = Field(None, description="Frames between the starts of two clips of one recording; by default clips do not overlap.")


class Dataset(Block):
    """The data to post-train on, bound to its contract."""

    schema_name: Name = Field(alias="schema", description="The data contract that the recipe expects; it must be the data set's own.")
    use: str | dict[str, Any] = Field(description="A name from datasets/, a path to a data set file or to a folder of videos, hf://owner/name, or a data set written inline.")
    clip: Clip = Field(description="The window of frames that the model sees at once.")
    decode: Literal["auto", "dali", "cpu"] = Field("auto", description="Which decoder reads the videos: DALI, the CPU decoder, or DALI wherever it can read the codec.")
    transcode: bool = Field(False, description="Write the videos once more at the size of the clips, with key frames close to each other, and read those: it costs disk, and frames at random decode many times faster.")
    limit: Positive | None = Field(None, description="Use only the first so many recordings of the training split.")


class Conditioning(Block):
    """What controls the prediction."""

    head: HeadName = Field("none", description="The conditioning head: none, text, or the name of an installed one.")
    enters: Name | None = Field(None, description="Where in the network the control enters, of the ways that the head has: time, cross-attention or channels for action, attention or channels for camera; by default the first.")
    given_frames: Positive = Field(1, description="Frames at the start of a clip that are given to the model and not predicted.")
    fewest_given_frames: Count | None = Field(None, description="Draw the given frames of each training clip from so many up to given_frames, as often as the backbone was trained with; 0 trains on text alone too, and by default it is always given_frames.")
    attention: Literal["full", "per-view"] | None = Field(None, description="How the views of a clip see each other, for a head of several views: all in one attention (full, the default), or each by itself, with an attention across views besides.")
    sees: dict[str, list[str]] | None = Field(None, description="Which others each view sees across views, with `attention: per-view`: {front: [left, right]}; a view that is not named sees none, and by default each sees all.")
    layout: Layout | None = Field(None, description="How the tokens of several views follow each other in an autoregressive network: all views of a moment before the next moment (time-major, the default), or one view after the other.")
    dropout: Fraction = Field(0.1, description="Share of training clips whose control is dropped, for classifier-free guidance.")


class LoraSettings(Block):
    """Low-rank adapters on the trunk."""

    rank: Positive = Field(16, description="Rank of the adapters.")
    alpha: Positive = Field(16, description="Scale of the adapters: their output is multiplied by alpha / rank.")


class Lora(Block):
    """Train adapters only."""

    lora: LoraSettings = Field(description="Low-rank adapters on the trunk.")


class Optimizer(Block):
    """How the weights are updated."""

    name: Literal["adamw", "muon"] = Field("adamw", description="AdamW for every parameter, or Muon for the matrices and AdamW for the rest.")
    lr: float = Field(3e-5, gt=0, le=1, description="Peak learning rate.")
    head_lr: float | None = Field(None, gt=0, le=1, description="Peak learning rate of the conditioning head, whose parameters are new where the trunk's are trained; by default the same.")
    warmup: Count = Field(0, description="Steps over which the learning rate rises from zero.")
    decay: Literal["constant", "cosine"] = Field("constant", description="What the learning rate does after the warm-up: stay, or fall to zero along a cosine.")
    weight_decay: float = Field(0.0, ge=0, le=1, description="Decoupled weight decay of the matrices.")
    clip_norm: float = Field(1.0, gt=0, description="Largest gradient norm; larger gradients are scaled down to it.")


class Train(Block):
    """The post-training itself."""

    method: Literal["full"] | Lora = Field("full", description="Train every weight, or low-rank adapters: {lora: {rank: 16, alpha: 16}}.")
    steps: Positive = Field(description="Optimizer steps.")
    global_batch: Batch = Field(description="Clips per optimizer step, over all devices.")
    micro_batch: Batch | None = Field(None, description="Clips per device and forward pass; by default what fits.")
    optimizer: Optimizer = Field(default_factory=Optimizer, description="How the weights are updated.")
    precision: Literal["bf16", "fp32"] = Field("bf16", description="Arithmetic of the forward pass; weights and optimizer state stay in fp32.")
    shift: float | None = Field(None, gt=0, le=100, description="Shift of the noise distribution towards high noise; by default the backbone's own.")
    z_loss: float | None = Field(None, ge=0, description="Weight, in the loss of an autoregressive backbone, of the squared logarithm of the partition function, which keeps logits small; by default the backbone's own.")
    corruption: Fraction | None = Field(None, description="Share of the tokens that an autoregressive backbone sees in training which are replaced by others at random, so that it learns to go on from its own mistakes; by default the backbone's own.")
    ema: float | None = Field(None, gt=0, lt=1, description="Decay of an exponential moving average of the weights, which is then what is evaluated and published.")
    checkpoint_every: Positive | None = Field(None, description="Steps between two checkpoints; by default ten times in a run.")
    keep_checkpoints: Positive = Field(2, description="Newest checkpoints that are kept.")
    keep_best: Count = Field(0, description="Checkpoints with the least held-out loss that are kept besides; it needs evaluate.every.")
    keep_every_h: float | None = Field(None, gt=0, description="Hours of training after each of which the next checkpoint is kept for good.")
    skip_not_finite: Count = Field(0, description="Steps of a run that may be dropped because their loss or gradient is not a finite number, each named in the log; one more ends the training.")
    log_every: Positive = Field(10, description="Steps between two lines of the log.")
    tensorboard: bool = Field(False, description="Also write the log for TensorBoard.")

    @property
    def lora(self) -> LoraSettings | None:
        """The adapters that train; None where every weight does."""
        return self.method.lora if isinstance(self.method, Lora) else None


class Evaluate(Block):
    """What is measured after training, on held-out clips."""

    clips: Positive = Field(32, description="Held-out clips to measure on.")
    every: Count = Field(0, description="Steps between two measurements of the held-out loss while training; 0 for none.")
    sampler_steps: Annotated[int, Field(ge=1, le=MOST_SAMPLER_STEPS), BeforeValidator(_whole)] = Field(10, description="Denoising steps per generated clip, of a diffusion backbone.")
    temperature: float | None = Field(None, ge=0, description="What the logits of an autoregressive backbone are divided by before a token is drawn: less than 1 is surer, and 0 takes the likeliest; by default the backbone's own.")
    top_p: Probability | None = Field(None, description="Draw a token among the likeliest that have this probability together; by default the backbone's own.")
    top_k: Positive | None = Field(None, description="Draw a token among so many of the likeliest; by default the backbone's own.")
    guidance: Guidance = Field(1.0, description="Classifier-free guidance scale; 1 is none, and the Cosmos pipelines count from 0: their 7 is 8 here.")
    samples: Positive = Field(8, description="Clips shown in the report.")


class Gate(Block):
    """What must hold before anything is published; a limit that is not set is not checked."""

    psnr_over_copy: Level | None = Field(None, description="Least gain in PSNR over repeating the last given frame.")
    psnr_moving_over_copy: Level | None = Field(None, description="The same, over the pixels that move.")
    ssim: Fraction | None = Field(None, description="Least structural similarity.")
    task: float | None = Field(None, gt=0, lt=1, description="Greatest p-value at which the task's first figure, such as the gripper's or the camera's error, counts as better with the true control than with a shuffled one.")
    adherence: float | None = Field(None, ge=1, description="Least ratio of the error under shuffled controls to the error under the true ones.")
    figures: dict[str, Annotated[float, Field(allow_inf_nan=False)] | None] = Field(default_factory=dict, max_length=100, description="What figures of the task must reach, by their names in metrics.json: {rotation_deg: 3} is at most 3 degrees, and of figures of which more is better it is the least; null asks nothing.")


class Publish(Block):
    """Where the trained model goes."""

    repo: Annotated[str, Field(pattern=r"^(local|[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)$", max_length=96, json_schema_extra=_text("`local`, or owner/name on the Hub"))] = Field("local", description="`local` for a folder with the Hub's layout, or owner/name on the Hub.")
    public: bool = Field(False, description="Make the repository public; it is private otherwise.")


class Hardware(Block):
    """The machines that the plan is made for."""

    gpus: Annotated[int, Field(ge=0, le=64), BeforeValidator(_whole)] = Field(0, description="GPUs per node; 0 trains on the CPU.")
    gpu: Name | None = Field(None, description="Kind of GPU, such as h100-80gb; needed when there are any.")
    nodes: Annotated[int, Field(ge=1, le=4096), BeforeValidator(_whole)] = Field(1, description="Machines.")
    processes: Processes = Field(1, description="Processes on a CPU machine.")
    strategy: Strategy | None = Field(None, description="How processes share weights and optimizer state: one process (single), whole copies (ddp), split over all (fsdp2), or split within groups that are copies of each other (hsdp); by default the fastest that fits.")
    shard: Positive | None = Field(None, description="Processes over which weights, gradients and optimizer state are split, those of a context group among them; by default the fastest that fits.")
    context: Positive | None = Field(None, description="Processes over which the tokens of a clip are split; by default the fastest that fits.")
    tensor: Positive | None = Field(None, description="Processes of one machine over which each matrix of the blocks is split; by default the fastest that fits.")
    recompute: Recompute | None = Field(None, description="Which activations are computed again in the backward pass: none, the cheap ones between products (selective), or those of whole blocks (full); by default the fastest that fits.")
    offload: bool | None = Field(None, description="Whether weights, gradients and optimizer state wait in the machine's memory; by default only where nothing else fits.")
    compile: bool | None = Field(None, description="Whether each block is compiled, which is faster after some minutes; by default it is not.")
    host_memory: Memory | None = Field(None, description="Memory of each machine, to refuse what needs more.")
    disk: Memory | None = Field(None, description="Disk for a run, to refuse what needs more.")
    stall_s: Positive = Field(1200, description="Seconds without a finished step after which every process writes down where it hangs, and training ends.")


class Recipe(Block):
    """One post-training run, from data to a published model."""

    recipe: Name = Field(description="The recipe's name; runs and packages are called after it.")
    summary: str = Field(min_length=1, max_length=300, description="What the trained model does, in a sentence.")
    backbone: Name | Start = Field(description="The world foundation model to start from: its name (`cosmos-recipe ls backbones` lists them), or {use: NAME, weights: ...}.")
    dataset: Dataset = Field(description="The data to post-train on, bound to its contract.")
    conditioning: Conditioning = Field(default_factory=Conditioning, description="What controls the prediction.")
    train: Train = Field(description="The post-training itself.")
    evaluate: Evaluate = Field(default_factory=Evaluate, description="What is measured after training, on held-out clips.")
    gate: Gate = Field(default_factory=Gate, description="What must hold before anything is published.")
    publish: Publish = Field(default_factory=Publish, description="Where the trained model goes.")
    hardware: Hardware = Field(default_factory=Hardware, description="The machines that the plan is made for.")
    seed: Annotated[int, Field(ge=0, lt=2**31), BeforeValidator(_whole)] = Field(0, description="Seed of everything random: order, noise, initial weights, evaluation.")

    @property
    def start(self) -> Start:
        """The backbone and the weights to start from."""
        return self.backbone if isinstance(self.backbone, Start) else Start(use=self.backbone)


class RecipeFile(Recipe):
    """A recipe as written in a file: the blocks, a parent to start from, and named overlays."""

    extends: str | None = Field(None, description="A recipe to start from: a path relative to this file, or a name; the keys given here win.")
    profiles: dict[Name, dict[str, Any]] = Field(default_factory=dict, max_length=MOST_PROFILES, description="Named overlays, chosen with --profile; each repeats only the keys that it changes.")
