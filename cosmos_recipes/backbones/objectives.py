"""What a network is trained to predict: one closed choice by name, each with the settings that it honours.

A diffusion network removes noise, which is added to latents that are multiplied by `sigma_data`, so that sigma is
relative to data of that standard deviation. An autoregressive one predicts the next token.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    model_validator,
)


class Part(BaseModel):
    """A block of the zoo file: closed and frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Settings(Part):
    """What every objective has that removes noise."""

    timestep_scale: PositiveFloat = Field(
        1.0, description="What times are multiplied by before the network embeds them."
    )
    loss_scale: PositiveFloat = Field(
        1.0, description="What the loss that trains is multiplied by; the logged error is not."
    )
    given_frame_odds: tuple[NonNegativeFloat, ...] = Field(
        (),
        description="How often 0, 1, 2 ... latent frames are given in training, among the numbers that a recipe allows; none for all equally often.",
    )
    positions_by_rate: bool = Field(
        False, description="Whether positions in time are scaled by the frame rate of the clip."
    )
    sigma_min: PositiveFloat
    sigma_max: PositiveFloat

    @model_validator(mode="after")
    def _sigmas_are_in_order(self) -> Self:
        if self.sigma_min >= self.sigma_max:
            raise ValueError("a sigma_min below sigma_max")
        return self


class RectifiedFlowSettings(Settings):
    """Predict2.5: velocity along the straight path from data to noise, at a logit-normal time in 0..1."""

    conditional_time: float | None = Field(
        None, ge=0, le=1, description="The time that given frames are said to have; by default that of the clip."
    )
    sampler: Literal["euler", "unipc"] = Field(
        "euler", description="Euler steps at shifted times, or UniPC over the sigmas of Karras et al."
    )
    sigma_min: PositiveFloat = Field(0.01, description="Least sigma = t / (1 - t) that UniPC visits.")
    sigma_max: PositiveFloat = Field(200.0, description="Largest sigma = t / (1 - t) that UniPC visits.")


class SigmaSettings(Settings):
    """What the objectives have whose noise has a log-normal standard deviation, sigma."""

    sigma_min: PositiveFloat = Field(0.0002, description="Least sigma in training.")
    sigma_max: PositiveFloat = Field(80.0, description="Largest sigma in training and sampling.")
    sampler_sigma_min: PositiveFloat = Field(0.002, description="Least sigma that the sampler visits.")
    log_sigma_mean: FiniteFloat = Field(0.0, description="Mean of ln(sigma) in training, before the shift.")
    log_sigma_std: PositiveFloat = Field(1.0, description="Standard deviation of ln(sigma) in training.")


class EdmSettings(SigmaSettings):
    """Predict1: EDM, with noise on the given frames."""

    positions_by_rate: bool = Field(
        True, description="Whether positions in time are scaled by the frame rate of the clip."
    )
    sigma_data: PositiveFloat = Field(0.5, description="Standard deviation of the data; latents are multiplied by it.")
    augment_sigma: NonNegativeFloat = Field(0.001, description="Noise on given frames in measuring and sampling.")
    augment_log_sigma_mean: FiniteFloat = Field(
        -3.0, description="Mean of ln(sigma) of the noise on given frames in training."
    )
    augment_log_sigma_std: NonNegativeFloat = Field(
        2.0, description="Standard deviation of ln(sigma) of the noise on given frames in training."
    )


class EdmRectifiedFlowSettings(SigmaSettings):
    """Predict2: EDM's denoiser over the straight path, sigma = t / (1 - t); the data have standard deviation 1."""

    sigma_data: float = Field(
        1.0, ge=1, le=1, description="Standard deviation of the data, which this objective is made for."
    )
    conditional_sigma: NonNegativeFloat | None = Field(
        0.0001, description="The sigma that given frames are said to have; none for that of the clip."
    )


class _Entry(Part):
    denoises: ClassVar[bool] = True
    does: ClassVar[str] = "removes noise, and predicts no tokens"

    shift: PositiveFloat = Field(description="Factor on sigma = t / (1 - t) in training: above 1 trains at more noise.")

    @property
    def times_frames(self) -> bool:
        """Whether given frames have another time than those that are predicted."""
        return False


class RectifiedFlowEntry(_Entry):
    """Rectified flow, as Predict2.5 trains."""

    name: Literal["rectified-flow"]
    settings: RectifiedFlowSettings = RectifiedFlowSettings()

    @property
    def times_frames(self) -> bool:
        """Whether given frames have another time than those that are predicted."""
        return self.settings.conditional_time is not None


class EdmEntry(_Entry):
    """EDM, as Predict1 trains."""

    name: Literal["edm"]
    settings: EdmSettings = EdmSettings()


class EdmRectifiedFlowEntry(_Entry):
    """EDM's denoiser over rectified flow, as Predict2 trains."""

    name: Literal["edm-rectified-flow"]
    settings: EdmRectifiedFlowSettings = EdmRectifiedFlowSettings()

    @property
    def times_frames(self) -> bool:
        """Whether given frames have another time than those that are predicted."""
        return self.settings.conditional_sigma is not None


class TokenLossSettings(Part):
    """Cross-entropy of each token, given those before it."""

    z_loss: NonNegativeFloat = Field(
        0.0, description="Weight of the squared logarithm of the partition function, which keeps logits small."
    )
    corruption: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the tokens that the network sees in training which are replaced by codes drawn at random, so that it learns to go on from its own mistakes.",
    )


class Sampling(Part):
    """How clips are drawn from a trained network."""

    def but(self, **said: Any) -> Self:
        """Return the same with what is said, where that is not None."""
        return type(self)(**{**dict(self), **{name: value for name, value in said.items() if value is not None}})


class NoiseSampling(Sampling):
    """How noise is removed."""

    steps: PositiveInt = Field(description="Denoising steps per clip.")


class TokenSampling(Sampling):
    """How tokens are drawn."""

    temperature: NonNegativeFloat = Field(
        1.0, description="What logits are divided by before a token is drawn; 0 takes the likeliest."
    )
    top_p: float = Field(
        1.0, gt=0, le=1, description="Draw among the likeliest tokens that have this probability together."
    )
    top_k: PositiveInt | None = Field(None, description="Draw among so many of the likeliest tokens; null for all.")


class NextTokenSettings(TokenSampling, TokenLossSettings):
    """What is trained by the next token, and how tokens are drawn unless a recipe says otherwise."""

    @property
    def sampling(self) -> TokenSampling:
        """How tokens are drawn, alone."""
        return TokenSampling(**{name: getattr(self, name) for name in TokenSampling.model_fields})

    def sampling_as(self, said: Any) -> TokenSampling:
        """Return how tokens are drawn where an evaluation's settings say what of it they want."""
        return self.sampling.but(**{name: getattr(said, name) for name in TokenSampling.model_fields})


class NextTokenEntry(Part):
    """The next token, as the autoregressive models of Predict1 train."""

    denoises: ClassVar[bool] = False
    does: ClassVar[str] = "predicts tokens, and removes no noise"
    times_frames: ClassVar[bool] = False

    name: Literal["next-token"]
    settings: NextTokenSettings = NextTokenSettings()


Denoising = RectifiedFlowEntry | EdmEntry | EdmRectifiedFlowEntry
DenoisingEntry = Annotated[Denoising, Field(discriminator="name")]
ObjectiveEntry = Annotated[Denoising | NextTokenEntry, Field(discriminator="name")]
_ENTRIES: TypeAdapter[Denoising | NextTokenEntry] = TypeAdapter(ObjectiveEntry)


def objective_entry(document: dict[str, Any]) -> Denoising | NextTokenEntry:
    """Return the typed entry of a document, as in a plan or a package."""
    return _ENTRIES.validate_python(document)
