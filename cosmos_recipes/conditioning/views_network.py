"""The network of the views head.

Legend: B batch, V views, S views that a view sees, T latent frames, L tokens of a view, H attention heads, D width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from cosmos_recipes.backbones.peers import ALONE, Peers
from cosmos_recipes.backbones.places import ACROSS_VIEWS, projected
from cosmos_recipes.conditioning.base import Surroundings
from cosmos_recipes.conditioning.text import TextHead
from cosmos_recipes.conditioning.views import view_places

Control = dict[str, Tensor]


def build_views(around: Surroundings) -> ViewsNetwork:
    """Return the network of the views of a clip."""
    views = around.views or ("",)
    across: list[nn.Module] = []
    if around.attention == "per-view":
        sees = [[views.index(name) for name in around.sees.get(view, ())] for view in views]
        across = [
            CrossViewAttention(sees, width=around.width, heads=around.attention_heads) for _ in range(around.blocks)
        ]
    return ViewsNetwork(
        text=TextHead().build(around),
        views=len(views),
        latent_frames=1 + (around.frames - 1) // around.temporal,
        entering=view_places(around),
        across=across,
    )


class ViewsNetwork(nn.Module):
    """Embeds which view a latent frame is of, for the places where that is `entering`, and gives each view the caption.

    The embeddings start at zero, so that at step 0 nothing is added.
    """

    # A network of another head.
    text: Any

    def __init__(
        self,
        *,
        text: nn.Module,
        views: int,
        latent_frames: int,
        entering: Mapping[str, int],
        across: Sequence[nn.Module],
    ) -> None:
        super().__init__()
        self.text = text
        self.views, self.latent_frames = views, latent_frames
        self.embeddings = nn.ParameterDict({place: torch.zeros(views, width) for place, width in entering.items()})
        self.across = nn.ModuleList(across)

    def collate(self, rows: Sequence[Mapping[str, Any]]) -> Control:
        """Return the text of every view of rows, as the text's network has it: `text_BVL`. Without a caption it is empty."""
        captioned = [{**row, "caption": row.get("caption") or ""} for row in rows]
        return self._by_view(self.text.collate([row for row in captioned for _ in range(self.views)]))

    def null(self, batch: int) -> Control:
        """Return no text for any view of a batch."""
        return self._by_view(self.text.null(batch * self.views))

    def forward(self, control: Control) -> dict[str, Any]:
        """Return a context for each view (B, V, L, D), the embeddings of frames, and what attends across views."""
        together = {name.replace("_BV", "_B"): value.flatten(0, 1) for name, value in control.items()}
        context_BVLD = self.text(together)["encoder_hidden_states"].unflatten(0, (-1, self.views))
        batch = len(context_BVLD)
        entering: dict[str, Any] = {
            "encoder_hidden_states": context_BVLD,
            **{place: self._each_frame(embedding_VD, batch) for place, embedding_VD in self.embeddings.items()},
        }
        return {**entering, ACROSS_VIEWS: self.across} if len(self.across) else entering

    @torch.no_grad()
    def start_from(self, transformer: Any) -> None:
        """Let the attention across views begin as a copy of each block's own, of which nothing comes out yet."""
        copies: Any = self.across
        for across, block in zip(copies, transformer.transformer_blocks, strict=False):
            across.attention.load_state_dict(block.attn1.state_dict())
            across.close()

    def _by_view(self, control: Control) -> Control:
        return {name.replace("_B", "_BV"): value.unflatten(0, (-1, self.views)) for name, value in control.items()}

    def _each_frame(self, embedding_VD: Tensor, batch: int) -> Tensor:
        return embedding_VD.repeat_interleave(self.latent_frames, 0).expand(batch, -1, -1)


class CrossViewAttention(nn.Module):
    """Attention from each view to those that it `sees`, by their numbers; its output starts at zero."""

    def __init__(self, sees: Sequence[Sequence[int]], *, width: int, heads: int) -> None:
        super().__init__()
        self.sees = [list(seen) for seen in sees]
        self.attention: Any = Attention(
            query_dim=width,
            heads=heads,
            dim_head=width // heads,
            qk_norm="rms_norm",
            elementwise_affine=True,
            out_bias=False,
        )
        self.close()

    def close(self) -> None:
        """Let nothing come out."""
        nn.init.zeros_(self.attention.to_out[0].weight)

    def forward(self, hidden_BLD: Tensor, rotary_of_a_view: Any, peers: Peers = ALONE) -> Tensor:
        """Return what each view attends to in others (B, V * L, D), from tokens of the same shape."""
        attention, apart_BVLD = self.attention, hidden_BLD.unflatten(1, (len(self.sees), -1))
        query, key, value = projected(attention, apart_BVLD, rotary_of_a_view, peers)
        seen_BVHLD = torch.stack(
            [_attend(query[:, v], key[:, own], value[:, own]) for v, own in enumerate(self.sees)], 1
        )
        seen_BVLD = seen_BVHLD.transpose(2, 3).flatten(3).type_as(apart_BVLD)
        out_BLD: Tensor = attention.to_out[0](seen_BVLD).flatten(1, 2)
        return out_BLD


def _attend(query_BHLD: Tensor, key_BSHLD: Tensor, value_BSHLD: Tensor) -> Tensor:
    """Return what a view attends to in those that it sees; zeros where it sees none."""
    if not key_BSHLD.shape[1]:
        return torch.zeros_like(query_BHLD)
    key, value = (each.transpose(1, 2).flatten(2, 3) for each in (key_BSHLD, value_BSHLD))
    return nn.functional.scaled_dot_product_attention(query_BHLD, key, value)
