"""If these fail, nobody can tell from a run's log when and where a step was made, or which relaunch made it."""

from __future__ import annotations

import os
import signal
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tiny import lines, log, tiny_plan

from cosmos_recipes.training.fit import train


def test_log_says_when_each_step_was_made_and_each_start_from_where_and_on_what(prepared: Path, tmp_path: Path) -> None:
    sent: list[int] = []

    def interrupt(what: str, done: int, total: int) -> None:
        if done > 2 and not sent:
            sent.append(done)
            os.kill(os.getpid(), signal.SIGINT)

    began = datetime.now(UTC) - timedelta(seconds=1)
    with pytest.raises(KeyboardInterrupt):
        train(tiny_plan(), tmp_path, prepared, progress=interrupt)
    stopped_at = lines(tmp_path)[-1]["step"]
    train(tiny_plan(), tmp_path, prepared)
    times = [datetime.fromisoformat(line["time"]) for line in log(tmp_path)]
    assert times == sorted(times) and began < times[0] and times[-1] <= datetime.now(UTC)
    starts = [line for line in log(tmp_path) if line.get("event") == "start"]
    assert [line["from_step"] for line in starts] == [0, stopped_at]
    assert all((line["processes"], line["hosts"]) == (1, [socket.gethostname()]) for line in starts)
