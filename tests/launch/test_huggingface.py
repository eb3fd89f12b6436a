"""Jobs of the Hub, through the real `hf` and a server that answers as the Hub does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.launch.job import Job, Sent
from cosmos_recipes.launch.targets.huggingface import HuggingFace
from cosmos_recipes.recipe.load import load_recipe

FACTORY = Path(__file__).parents[2] / "recipes" / "factory.yaml"
NUMBER = "0123456789abcdef01234567"
TOKEN = "hf_of-a-test"


@dataclass
class Hub:
    """What the server was asked, and how the one job is."""

    stage: str = "RUNNING"
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    port: int = 0

    def answer(self, method: str, path: str) -> tuple[str, str]:
        """Return type and content of the answer."""
        if path.endswith("/cancel"):
            self.stage = "CANCELED"
        if path.split("?")[0].endswith("/logs"):
            lines = [json.dumps({"data": text, "timestamp": "2026-01-01T00:00:00Z"}) for text in ("one", "two")]
            return "text/event-stream", "".join(f"data: {line}\n\n" for line in lines)
        status = {"stage": self.stage, "message": None}
        job = {"id": NUMBER, "status": status, "owner": {"id": "1", "name": "me", "type": "user"}}
        return "application/json", json.dumps({**job, "createdAt": "2026-01-01T00:00:00Z", "flavor": "cpu-basic"})


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A server that `hf` takes for the Hub; the only token is in a file."""
    state = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.command, self.path, self.headers["authorization"]))
            kind, content = state.answer(self.command, self.path)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content.encode())))
            self.end_headers()
            self.wfile.write(content.encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Be silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        (tmp_path / "token").write_text(f"{TOKEN}\n")
        yield state
        server.shutdown()


@pytest.fixture
def hf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command `hf` of the installed huggingface_hub, first on the PATH."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "hf").write_text(f'#!/bin/sh\nexec {sys.executable} -m huggingface_hub.cli.hf "$@"\n')
    (tmp_path / "bin" / "hf").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")


def cluster(tmp_path: Path) -> HuggingFace:
    return HuggingFace(
        bucket="me/runs",
        flavor="cpu-basic",
        namespace="me",
        runs="/runs",
        environment=["SAID"],
        token_file=str(tmp_path / "token"),
    )


def job_and_record(tmp_path: Path) -> tuple[Job, Sent]:
    job = Job(plan=compile_recipe(load_recipe(FACTORY)), run=tmp_path / "factory" / "base-1a2b3c4d", root="/runs")
    job.package.mkdir(parents=True)
    return job, Sent(id=NUMBER, name=job.name, cluster="hub", settings={}, time="", root="/runs")


@pytest.mark.usefixtures("hf")
def test_how_a_job_is_what_it_says_and_its_end(hub: Hub, tmp_path: Path) -> None:
    target, (job, sent) = cluster(tmp_path), job_and_record(tmp_path)
    assert target.status(sent, job).state == "running"
    assert list(target.logs(sent, job, follow=False))[:2] == ["one", "two"]
    target.cancel(sent, job)
    assert target.status(sent, job).state == "cancelled"
    assert {token for _, path, token in hub.asked if "/jobs/" in path} == {f"Bearer {TOKEN}"}
    assert ("POST", f"/api/jobs/me/{NUMBER}/cancel", f"Bearer {TOKEN}") in hub.asked


@pytest.mark.usefixtures("hf", "hub")
def test_hf_understands_the_command_and_the_token_is_not_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, (job, _) = cluster(tmp_path), job_and_record(tmp_path)
    text = target.render(job)
    assert TOKEN not in text
    monkeypatch.setenv("SAID", "this")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    dry = text.replace("--detach --format quiet", "--dry-run --format human")
    said = subprocess.run(["sh", "-c", dry.partition("\n")[2]], capture_output=True, text=True, check=True).stdout
    lines = {" ".join(line.split()) for line in said.splitlines()}
    assert {"flavor cpu-basic", "env SAID=this", "secrets HF_TOKEN=***", "attempts 3", "namespace me"} <= lines
    assert "hf://buckets/me/runs:/runs:rw" in lines
    assert TOKEN not in said


def test_a_missing_program_is_named_with_the_way_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, (job, sent) = cluster(tmp_path), job_and_record(tmp_path)
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(RecipeError, match="CR656") as raised:
        target.status(sent, job)
    assert "pip install huggingface_hub" in raised.value.problems[0].hint
    (tmp_path / "token").unlink()
    with pytest.raises(RecipeError, match="CR659"):
        target.status(sent, job)


@pytest.mark.usefixtures("hf")
def test_what_the_hub_refuses_or_nobody_understands_is_shown(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, (job, sent) = cluster(tmp_path), job_and_record(tmp_path)
    hub.stage = "WHATEVER"
    assert target.status(sent, job).state == "unknown"
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RecipeError, match="CR657") as raised:
        target.status(sent, job)
    assert f"hf jobs inspect --namespace me --format json {NUMBER}" in raised.value.problems[0].hint
