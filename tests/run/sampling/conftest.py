from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.run.sampling.models import MadeModel, make_model


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., MadeModel]:
    """Return the model with a head, made the first time that it is asked for; nobody may change what is there."""
    folder = tmp_path_factory.mktemp("models")

    @cache
    def make(head: str, family: str) -> MadeModel:
        return make_model(folder / family / head, head, overrides=[f"backbone=tiny-{family}"])

    return lambda head, family="diffusion": make(head, family)
