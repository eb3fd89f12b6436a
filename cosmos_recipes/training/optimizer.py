"""Optimizers and the learning rate as a function of the step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Replicate
from torch.optim import AdamW, Muon

from cosmos_recipes.recipe.spec import Optimizer as OptimizerSettings


class MuonOfParts(Muon):
    """Muon for matrices of which each process holds a part.

    An update is made of a whole matrix, which is put together for it, one at a time: on parts, bfloat16 would round other
    sums for each number of processes.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every matrix; returns what `closure` returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is not None:
                    self._update(matrix, group)
        return loss

    def _update(self, matrix: Any, group: Mapping[str, Any]) -> None:
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - group["momentum"])
        matrix.mul_(1 - group["lr"] * group["weight_decay"])
        matrix.add_(_split_as(matrix, _step_of(matrix.grad.lerp(momentum, group["momentum"]).full_tensor(), group)))


def _step_of(update: Tensor, group: Mapping[str, Any]) -> Tensor:
    """Return what Muon adds to a whole matrix that is to be moved against an update."""
    moved = nn.Parameter(torch.zeros_like(update))
    moved.grad = update
    kept = {name: group[name] for name in ("lr", "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn")}
    Muon([moved], weight_decay=0.0, momentum=0.0, nesterov=False, **kept).step()
    return moved.detach()


def _split_as(like: Any, whole: Tensor) -> Any:
    everywhere = [Replicate()] * like.device_mesh.ndim
    return DTensor.from_local(whole, like.device_mesh, everywhere).redistribute(placements=like.placements)


class MuonAdamW(torch.optim.Optimizer):
    """Muon for some matrices and AdamW for everything else, as one optimizer with one state.

    Muon's updates are scaled to the size of AdamW's, so that one learning rate suits both.
    """

    def __init__(
        self, matrices: list[nn.Parameter], rest: list[dict[str, Any]], *, lr: float, weight_decay: float
    ) -> None:
        kind = MuonOfParts if any(isinstance(matrix, DTensor) for matrix in matrices) else Muon
        self._muon = kind(matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        # Of adapters under a head that does not train, there is no rest.
        self._adamw = AdamW(rest, lr=lr, fused=True) if rest else None
        super().__init__([*self._muon.param_groups, *(self._adamw.param_groups if self._adamw else ())], {})
        self._share_state()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter; returns what `closure` returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._muon.step()
        if self._adamw:
            self._adamw.step()
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore both parts."""
        super().load_state_dict(state_dict)
        self._share_state()

    def _share_state(self) -> None:
        # Loading replaces the groups and the state: the parts must keep looking at those of the whole.
        self._muon.param_groups, self._muon.state = self.param_groups[:1], self.state
        if self._adamw:
            self._adamw.param_groups, self._adamw.state = self.param_groups[1:], self.state


def build_optimizer(model: nn.Module, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """Return the optimizer of the parameters that train; only matrices decay.

    `muon` takes the two-dimensional weights of the transformer's blocks. The parameters of `head` may have a rate of
    their own.
    """
    named = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    matrices = {name: p for name, p in named.items() if settings.name == "muon" and _of_trunk(name, p)}
    rest = list(_adamw_groups({name: p for name, p in named.items() if name not in matrices}, settings))
    if not matrices:
        return AdamW(rest, lr=settings.lr, fused=True)
    return MuonAdamW(list(matrices.values()), rest, lr=settings.lr, weight_decay=settings.weight_decay)


def _of_trunk(name: str, parameter: nn.Parameter) -> bool:
    return "transformer_blocks." in name and parameter.ndim == 2


def _adamw_groups(named: Mapping[str, nn.Parameter], settings: OptimizerSettings) -> Iterator[dict[str, Any]]:
    head_lr = settings.head_lr or settings.lr
    for lr, decays in product(dict.fromkeys((settings.lr, head_lr)), (True, False)):
        parameters = [
            parameter
            for name, parameter in named.items()
            if (parameter.ndim >= 2) == decays and (head_lr if name.startswith("head.") else settings.lr) == lr
        ]
        if parameters:
            yield {"params": parameters, "lr": lr, "weight_decay": settings.weight_decay if decays else 0.0}


def learning_rate_factor(step: int, *, warmup: int, steps: int, decay: str) -> float:
    """Return the share of the peak learning rate at a step, from 0: a linear rise, then constant or a cosine to zero."""
    if step < warmup:
        return (step + 1) / warmup
    if decay == "constant":
        return 1.0
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return 0.5 * (1 + math.cos(math.pi * progress))
