"""The order in which the tokens of a clip are predicted, and what stands where in it.

A sequence is made of slots. A slot holds a token, or what begins a segment, and the next token of the segment is predicted
from it. Tokens of clips are counted as latents are laid out: view by view, frame by frame, row by row.
Legend: B batch, V views, T latent frames of a view, H height, W width, L tokens, S slots, D width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from cosmos_recipes.backbones.autoregressive.cut import SlotCut
from cosmos_recipes.backbones.peers import Peers
from cosmos_recipes.recipe.spec import Layout

NONE = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenSequence:
    """Of each slot: the token that it holds and the one that is predicted from it, by number, or `NONE`.

    Where processes split its slots, `cut` says how, and these are the own ones.
    """

    views: int
    shape: tuple[int, int, int]
    holds_S: Tensor
    predicts_S: Tensor
    cut: SlotCut | None = None

    @classmethod
    def of(cls, shape: tuple[int, int, int], *, views: int, layout: Layout, begins: bool) -> TokenSequence:
        """Return the sequence of clips of so many views, each of `shape` (latent frames, height, width).

        With `time-major` all views of a moment come before the next moment, in one segment; with `view-major` each view
        is a segment. A segment begins with a slot without a token, if `begins`.
        """
        return _sequence(shape, views, layout, begins)

    def split(self, peers: Peers) -> TokenSequence:
        """Return the slots of this process, of a whole sequence; those that fill it up hold and predict nothing."""
        cut = SlotCut.of(self.slots, peers)
        if cut is None:
            return self
        own_S = cut.own_S.to(self.holds_S.device)
        filling_S, own_S = own_S >= self.slots, own_S.clamp_max(self.slots - 1)
        holds_S, predicts_S = (each[own_S].masked_fill(filling_S, NONE) for each in (self.holds_S, self.predicts_S))
        return replace(self, holds_S=holds_S, predicts_S=predicts_S, cut=cut)

    def own_control(self, control: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a control of which what is said of each token (`NAME_BTHW...`) is that of the own slots, (B, S, 1, 1, ...)."""
        if self.cut is None:
            return dict(control)
        return {
            name: value.flatten(1, 3)[:, self.predicts_S.clamp_min(0), None, None] if "_BTHW" in name else value
            for name, value in control.items()
        }

    @property
    def said_S(self) -> Tensor:
        """Which of the tokens that a control speaks of, after `own_control`, is predicted from each slot."""
        if self.cut is None:
            return self.predicts_S
        own_S = torch.arange(self.slots, device=self.predicts_S.device)
        return own_S.masked_fill(self.predicts_S == NONE, NONE)

    @property
    def slots(self) -> int:
        """Slots of the sequence."""
        return len(self.holds_S)

    @property
    def begins_S(self) -> Tensor:
        """Which slots begin a segment."""
        return self.holds_S == NONE

    @property
    def position_S3(self) -> Tensor:
        """Place of each slot's token in time, height and width; positions begin anew with each view."""
        frames, height, width = self.shape
        token_S = self.holds_S.clamp_min(0)
        return torch.stack([token_S // (height * width) % frames, token_S // width % height, token_S % width], 1)

    @property
    def frame_S(self) -> Tensor:
        """The latent frame, counted over all views, of the token that is predicted from each slot."""
        return self._of_next(self.shape[1] * self.shape[2])

    @property
    def view_S(self) -> Tensor:
        """The view of the token that is predicted from each slot; that of its own token where there is no next one."""
        tokens = self.shape[0] * self.shape[1] * self.shape[2]
        # A slot that fills up the sequence sees a view like others: attention to nothing is not a number.
        return torch.where(self.predicts_S == NONE, self.holds_S, self.predicts_S).clamp_min(0) // tokens

    def held(self, token_BL: Tensor, begin: int | None) -> Tensor:
        """Return what the slots hold (B, S), of the tokens of clips; `begin` stands where a segment begins."""
        held_BS = token_BL[:, self.holds_S.clamp_min(0)]
        return held_BS if begin is None else held_BS.masked_fill(self.begins_S, begin)

    def _of_next(self, tokens: int) -> Tensor:
        return torch.where(self.predicts_S == NONE, NONE, self.predicts_S // tokens)

    def to(self, device: torch.device) -> TokenSequence:
        """Return the sequence on a device."""
        if self.holds_S.device == device:
            return self
        return replace(self, holds_S=self.holds_S.to(device), predicts_S=self.predicts_S.to(device))


@lru_cache(maxsize=16)
def _sequence(shape: tuple[int, int, int], views: int, layout: Layout, begins: bool) -> TokenSequence:
    frames, height, width = shape
    token_VTN = torch.arange(views * frames * height * width).view(views, frames, height * width)
    segments = [token_VTN.transpose(0, 1).flatten()] if layout == "time-major" else list(token_VTN.flatten(1))
    none = torch.tensor([NONE])
    holds = [torch.cat([none, segment]) if begins else segment for segment in segments]
    predicts = [torch.cat([own[1:], none]) for own in holds]
    return TokenSequence(views=views, shape=shape, holds_S=torch.cat(holds), predicts_S=torch.cat(predicts))


def at_next(values_BND: Tensor, number_S: Tensor) -> Tensor:
    """Return values (..., N, D) at the number of each slot (..., S, D), and zeros where that is `NONE`."""
    there = number_S != NONE
    return values_BND[..., number_S.clamp_min(0), :] * there[:, None].to(values_BND.dtype)
