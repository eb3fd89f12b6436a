"""clusters.yaml: what is wrong in it is said at its place, and no secret in it is ever shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.launch.clusters import find_cluster, read_clusters
from tests.stored_texts import assert_stored

HERE = Path(__file__).parent
CASES = sorted(path.stem for path in (HERE / "cases").glob("*.yaml"))
FACTORY = HERE.parents[1] / "recipes" / "factory.yaml"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, as a user who has no file yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_text(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE / "cases")
    with pytest.raises(RecipeError) as raised:
        read_clusters(Path(f"{name}.yaml"))
    text = render(raised.value.problems) + "\n"
    assert "ThisIsNotARealToken" not in text
    assert_stored(Path(f"{name}.txt"), text)


def test_no_text_without_a_case() -> None:
    assert {path.stem for path in (HERE / "cases").glob("*.txt")} == set(CASES)


def test_the_file_here_goes_before_the_users_own_and_a_kind_needs_none(tmp_path: Path) -> None:
    assert find_cluster("slurm").model_dump()["partition"] is None
    (tmp_path / "config" / "cosmos-recipes").mkdir(parents=True)
    (tmp_path / "config" / "cosmos-recipes" / "clusters.yaml").write_text("lab: {kind: slurm, partition: own}\n")
    assert find_cluster("lab").model_dump()["partition"] == "own"
    (tmp_path / "clusters.yaml").write_text("lab: {kind: slurm, partition: here}\n")
    assert find_cluster("lab").model_dump()["partition"] == "here"
    with pytest.raises(RecipeError, match="CR232") as raised:
        find_cluster("lap")
    assert raised.value.problems[0].hint == "did you mean `lab`?"


def test_a_kind_that_needs_settings_says_which(tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as raised:
        find_cluster("kubernetes")
    assert {"`image`", "`claim`", "`mount`"} <= set(" ".join(p.message for p in raised.value.problems).split())


def test_editors_are_told_what_the_reader_takes() -> None:
    schema = json.loads((HERE.parents[1] / "schemas" / "clusters.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    yaml = YAML(typ="safe", pure=True)
    assert list(validator.iter_errors(yaml.load(HERE / "golden" / "clusters.yaml"))) == []
    # What only the reader knows: secrets, and the places that a file system can be.
    known_to_both = set(CASES) - {"secret", "object-store", "called-local", "unknown-kind"}
    for name in known_to_both:
        assert list(validator.iter_errors(yaml.load(HERE / "cases" / f"{name}.yaml"))), name


def test_the_clusters_on_the_page_are_ones(tmp_path: Path) -> None:
    page = (HERE.parents[1] / "docs" / "launch.md").read_text(encoding="utf-8")
    (tmp_path / "clusters.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    kinds = {target.model_dump()["kind"] for target in read_clusters(tmp_path / "clusters.yaml").values()}
    assert kinds == {"slurm", "kubernetes", "skypilot", "huggingface"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--on", "slurmm"), 2, "did you mean `slurm`?"),
        (("--on", "slurm", "--nproc", "2"), 2, "--nproc"),
        (("--on", "slurm", "--runs", "s3://bucket/runs"), 2, "CR236"),
        (("--runs", "gs://bucket/runs"), 2, "CR236"),
        (("--node", "0"), 2, "--node and --rendezvous go together"),
        (("--node", "1", "--rendezvous", "first:29500"), 2, "CR238"),
        (("--node", "0", "--rendezvous", "first"), 2, "CR238"),
        (("--detach",), 2, "--detach"),
        (("--on", "local", "--nproc", "3", "--dry-run"), 0, "--nproc-per-node 3"),
        (("--on", "slurm", "--dry-run"), 0, "#SBATCH --requeue"),
    ],
)
def test_the_command_says_at_once_what_cannot_be_and_leaves_nothing(
    tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    command = [sys.executable, "-m", "cosmos_recipes", "run", str(FACTORY), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
