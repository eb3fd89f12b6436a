"""One machine of several that train together: where they meet, and how one waits for the first."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from cosmos_recipes.diagnostics import fail

JOIN_S = 1800
"""Seconds that the machines have to come together once the first is ready: reading a large model from a slow disk."""
LOOK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Node:
    """Machine `rank` of `nodes`, from 0; all meet at a port of the first."""

    rank: int
    nodes: int
    host: str
    port: int

    @classmethod
    def of(cls, rank: int, nodes: int, rendezvous: str) -> Self:
        """Return the machine that meets others at HOST:PORT.

        Raises:
            RecipeError: there are not so many machines, or that is no such place (CR238).
        """
        host, _, port = rendezvous.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            fail(
                "CR238",
                "this is not a place where machines can meet",
                expected="--rendezvous HOST:PORT, of the first machine",
                found=rendezvous,
                hint="for example --rendezvous node-0:29500",
            )
        if not 0 <= rank < nodes:
            fail(
                "CR238",
                "the plan has no such machine",
                expected=f"--node 0 to {nodes - 1}",
                found=f"--node {rank}",
                hint="hardware.nodes says how many machines there are",
            )
        return cls(rank=rank, nodes=nodes, host=host, port=int(port))

    @property
    def is_first(self) -> bool:
        """Whether this machine prepares before the training, and evaluates and publishes after it."""
        return self.rank == 0

    def torchrun(self) -> list[str]:
        """Return torchrun's arguments for this machine."""
        first = [f"--local-addr={self.host}"] if self.is_first else []
        return [
            f"--nnodes={self.nodes}",
            "--rdzv-backend=c10d",
            f"--rdzv-endpoint={self.host}:{self.port}",
            f"--rdzv-conf=is_host={int(self.is_first)},join_timeout={JOIN_S}",
            *first,
        ]

    def wait_for_first(self, is_finished: Callable[[], bool]) -> bool:
        """Wait until the first machine trains; return False where there is nothing to train any more.

        Preparing may take hours, and whatever started the machines ends them together: there is no limit.
        """
        while not is_finished():
            try:
                socket.create_connection((self.host, self.port), timeout=5).close()
            except OSError:
                time.sleep(LOOK_S)
            else:
                return True
        return False
