"""If these fail, a plan is not pinned to the files that it was made for, or a machine without network cannot use what it has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cosmos_recipes.backbones.diffusion import load_transformer
from cosmos_recipes.backbones.tokenizers.discrete import HUB_ID
from tests.backbones.toy_checkpoints import store_programs
from tests.toy_pipelines import store_pipeline, toy_entry

# The Hub of the publishing tests imports its parts by name.
sys.path.insert(0, str(Path(__file__).parents[1] / "publishing"))

from hub_server import TOKEN, HubServer
from hub_store import LARGE, Blob, Repo, User

NAME = "lab/world"
STRANGER = "hf_" + "Strange" * 6
SCRIPT = """
import json, sys
from cosmos_recipes.backbones import hub
from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.diagnostics import RecipeError
name, revision, parts = json.load(sys.stdin)
checkpoint = parts == ["model.pt"]
commit = hub.commit_of(name, revision, **({"file": "config.json"} if checkpoint else {}))
try:
    weights = Weights.of_hub(name, commit or revision, checkpoint=checkpoint)
    found = [str(weights.fetched(*(["transformer"] if checkpoint else parts))), ""]
except RecipeError as error:
    found = ["", f"{error.problems[0].code} {error.problems[0].hint}"]
print(json.dumps([commit, *found]))
"""
TOKENIZER = """
import sys
from pathlib import Path
from cosmos_recipes.backbones.tokenizers import load_tokenizer, trained_tokenizer
from cosmos_recipes.backbones.zoo import backbone
saved = Path(sys.argv[1])
if not saved.exists():
    trained_tokenizer(backbone("predict1-4b").tokenizer, None).save_pretrained(saved)
print(load_tokenizer(saved).revision)
"""
Ask = Callable[..., tuple[str | None, Path, str]]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_pipeline(tmp_path_factory.mktemp("base"), toy_entry("predict2.5-2b"))


@pytest.fixture
def hub(base: Path) -> Iterator[HubServer]:
    """A Hub that has the model, in its second commit."""
    with HubServer().running() as server:
        repo = server.store.create("lab", "world", TOKEN, private=False)[1]
        files = [path for path in base.rglob("*") if path.is_file()]
        tree = {
            path.relative_to(base).as_posix(): Blob(path.read_bytes(), large=path.name.endswith(LARGE))
            for path in files
        }
        repo.add_commit("a model", tree)
        yield server


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Ask for the commit and for parts of the model, in a process with a cache of its own."""

    def ask(
        url: str, *parts: str, revision: str = "main", name: str = NAME, token: str = TOKEN
    ) -> tuple[str | None, Path, str]:
        settings = {"HF_ENDPOINT": url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": token}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            input=json.dumps([name, revision, parts]),
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=True,
        )
        commit, folder, problem = json.loads(done.stdout)
        return commit, Path(folder), problem

    return ask


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}


def test_a_revision_is_pinned_and_only_what_is_needed_is_fetched(hub: HubServer, ask: Ask) -> None:
    commit, folder, problem = ask(hub.url, "transformer")
    assert (commit, problem) == (hub.store.repos[NAME].head.oid, "")
    assert files(folder) == {"transformer"}
    assert load_transformer(str(folder / "transformer")).config.num_layers == 2
    assert files(ask(hub.url, "transformer", "vae")[1]) == {"transformer", "vae"}


def test_of_a_checkpoint_only_what_is_loaded_as_tensors_is_fetched(hub: HubServer, ask: Ask) -> None:
    """NVIDIA's repositories also hold pickles and programs of other tools."""
    names = ("model.pt", "config.json", "guardrail/filter.pt", "nemo/weights/common.pt", "encoder.jit")
    repo = hub.store.create("lab", "decoder", TOKEN, private=False)[1]
    repo.add_commit("a checkpoint", {name: Blob(name.encode(), large=False) for name in names})
    commit, folder, problem = ask(hub.url, "model.pt", name="lab/decoder")
    assert (commit, problem) == (repo.head.oid, "")
    # The small file says which commit a revision is, also without network.
    assert files(folder) == {"model.pt", "config.json"}
    assert ask("http://127.0.0.1:9", "model.pt", name="lab/decoder") == (commit, folder, "")


def test_the_discrete_tokenizer_is_fetched_once_and_pinned(hub: HubServer, tmp_path: Path) -> None:
    """A package names it and does not carry it, so whoever loads the package has to get the same one."""
    repo = hub.store.repos.setdefault(HUB_ID, Repo(HUB_ID, False))
    tree = {path.name: Blob(path.read_bytes(), large=False) for path in store_programs(tmp_path / "own").iterdir()}
    first = repo.add_commit("a tokenizer", {**tree, "autoencoder.jit": Blob(b"unused", large=False)}).oid

    def load(home: str, url: str = hub.url) -> str:
        settings = {"HF_ENDPOINT": url, "HF_HOME": str(tmp_path / home), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN}
        run = [sys.executable, "-c", TOKENIZER, str(tmp_path / "saved")]
        return subprocess.run(run, env={**os.environ, **settings}, capture_output=True, text=True, check=True).stdout

    assert load("here") == load("here", "http://127.0.0.1:9") == f"{first}\n"
    assert not list((tmp_path / "here").rglob("autoencoder.jit"))
    repo.add_commit("another one", {name: Blob(b"other", large=False) for name in tree})
    config = json.loads((tmp_path / "saved" / "config.json").read_text())
    del config["_name_or_path"]
    (tmp_path / "saved" / "config.json").write_text(json.dumps(config))
    assert load("there") == f"{first}\n"


def test_without_network_the_cache_is_enough(hub: HubServer, ask: Ask) -> None:
    before = ask(hub.url, "transformer")
    assert ask("http://127.0.0.1:9", "transformer") == before


def test_a_commit_stays_what_it_was(hub: HubServer, ask: Ask) -> None:
    commit, folder, _ = ask(hub.url, "vae")
    hub.store.repos[NAME].add_commit("emptied", {})
    assert ask(hub.url, "vae", revision=str(commit)) == (commit, folder, "")


@pytest.mark.parametrize(("change", "hint"), [("gated", "accept its terms"), ("gone", "connect to the network")])
def test_what_cannot_be_fetched_says_what_to_do(hub: HubServer, ask: Ask, change: str, hint: str) -> None:
    setting: dict[str, Any] = {"gated": {"token": STRANGER}, "gone": {"name": "lab/nothing"}}[change]
    hub.store.users[STRANGER] = User("eve")
    hub.store.repos[NAME].gated = change == "gated"
    _, _, problem = ask(hub.url, "transformer", **setting)
    assert problem.startswith("CR623")
    assert hint in problem


def test_what_there_is_no_room_for_is_not_begun(hub: HubServer, ask: Ask) -> None:
    """Two terabytes, of which the first byte would be one too many."""
    heavy = Blob(b"", large=True, heavy=("ab" * 32, 2 * 10**12))
    hub.store.repos[NAME].add_commit("grown", {**hub.store.repos[NAME].head.tree, "vae/more.safetensors": heavy})
    problem = ask(hub.url, "vae")[2]
    assert problem.startswith("CR626 make room")
    assert "stored" not in hub.calls
    # What is not needed counts for nothing.
    assert ask(hub.url, "transformer")[2] == ""


def test_a_file_that_is_larger_than_the_hub_said_is_not_taken(hub: HubServer, ask: Ask, tmp_path: Path) -> None:
    head = hub.store.repos[NAME].head
    liar = Blob(bytes(30_000_000), large=True)
    liar = replace(liar, heavy=(liar.sha256, 1000))
    hub.store.large[liar.sha256] = liar
    hub.store.repos[NAME].add_commit("lied", {**head.tree, "vae/more.safetensors": liar})
    assert ask(hub.url, "vae")[2].startswith("CR623")
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 20_000_000
