"""What a person sees of each command, through the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FACTORY = ROOT / "recipes" / "factory.yaml"
HEAVY = ("torch", "nvidia", "av", "nemo", "lightning", "diffusers", "transformers", "datasets", "huggingface_hub")
BLOCKED = """
import sys
from importlib.machinery import ModuleSpec
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {heavy!r} and name != "nvidia":
            return ModuleSpec(name, self)
    def create_module(self, spec):
        raise RuntimeError(spec.name + " was imported")
    def exec_module(self, module):
        pass
sys.meta_path.insert(0, Blocked())
from cosmos_recipes.cli.main import main
main()
"""
Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Call the command in an empty folder."""

    def call(
        *arguments: str | Path, program: tuple[str, ...] = ("-m", "cosmos_recipes")
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *program, *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return call


def test_every_command_has_a_help_text_with_an_example(call: Call) -> None:
    listed = call("--help").stdout.partition("Commands:\n")[2].split("\n")
    commands = [line.split()[0] for line in listed if line.strip()]
    assert {"run", "check", "compile", "explain", "ls", "show", "cp", "resume", "doctor", "schema", "new"} <= set(
        commands
    )
    for command in commands:
        shown = call(command, "--help")
        assert shown.returncode == 0
        assert f"cosmos-recipe {command}" in shown.stdout.partition("Example")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("check", FACTORY),
        ("check", FACTORY, "--set", "train.stepz=1"),
        ("explain", "CR130"),
        ("ls",),
        ("ls", "tasks"),
        ("compile", FACTORY),
        ("show", "factory"),
        ("diff", "factory", "arm-actions"),
        ("cache", "clear"),
    ],
    ids=lambda arguments: str(arguments[0]),
)
def test_what_needs_no_heavy_library_imports_none(call: Call, arguments: tuple[str | Path, ...]) -> None:
    done = call(*arguments, program=("-c", BLOCKED.format(heavy=HEAVY)))
    assert "was imported" not in done.stderr + done.stdout
    assert done.returncode == (2 if "train.stepz=1" in arguments else 0), done.stderr


def test_cache_explain_says_what_a_change_of_the_recipe_costs(call: Call) -> None:
    world = "dataset.use={schema: instruction-video, source: {kind: world, world: factory, episodes: 2, held_out: 2}}"
    filled = call("data", "prepare", FACTORY, "--set", world)
    assert filled.returncode == 0, filled.stderr
    same = call("cache", "explain", FACTORY, "--set", world, "--set", "train.steps=3")
    (count,) = {word for word in same.stdout.split()[:3] if word.isdigit()}
    assert same.stdout.startswith(f"{count} of {count} latents are in ")
    larger = call("cache", "explain", FACTORY, "--set", world, "--set", "dataset.clip.size=128x128")
    assert f"  {count} are not: size 64x64 -> 128x128\n" in larger.stdout
    refused = call("data", "prepare", FACTORY, "--set", world, "--part", "3/2")
    assert refused.returncode == 2
    assert "write 1/8 to 8/8" in refused.stderr
    assert call("cache", "clear", "--older-than", "1").stdout == f"0 GB removed from {Path('runs/.prepared/cache')}\n"


def test_check_names_every_profile_and_every_recipe(call: Call) -> None:
    done = call("check", FACTORY, ROOT / "recipes" / "factory-instructions.yaml")
    assert done.returncode == 0
    assert done.stdout.count("fine (as it is, tiny-autoregressive, predict1-7b, predict2-2b, predict2.5-2b)") == 2


@pytest.mark.parametrize("subcommand", ["check", "compile", "run"])
def test_a_figure_that_nothing_measures_is_found_before_anything_runs(
    call: Call, subcommand: str, tmp_path: Path
) -> None:
    done = call(subcommand, FACTORY, "--set", "gate.figures={motion_pix: 3}")
    assert done.returncode == 2
    assert "CR339" in done.stdout + done.stderr
    assert "did you mean `motion_px`?" in done.stdout + done.stderr
    assert not (tmp_path / "runs").exists()


def test_check_shows_the_problems_of_all_recipes_and_profiles_at_once(call: Call, tmp_path: Path) -> None:
    text = FACTORY.read_text()
    (tmp_path / "a.yaml").write_text(text.replace("backbone: tiny-diffusion", "backbone: tiny-difusion"))
    (tmp_path / "b.yaml").write_text(text.replace("frames: 93", "frames: 94"))
    done = call("check", "a.yaml", "b.yaml")
    assert done.returncode == 2
    assert "did you mean `tiny-diffusion`?" in done.stdout
    assert "b.yaml" in done.stdout
    assert "94" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", ["json", "github", "sarif"])
def test_check_writes_for_machines(call: Call, tmp_path: Path, form: str) -> None:
    (tmp_path / "a.yaml").write_text(FACTORY.read_text().replace("steps: ", "stepz: "))
    done = call("check", "a.yaml", "--format", form)
    assert done.returncode == 2
    if form == "github":
        assert done.stdout.startswith("::error file=a.yaml,line=")
    else:
        assert "a.yaml" in json.dumps(json.loads(done.stdout))
    fine = call("check", FACTORY, "--format", form)
    assert (fine.returncode, fine.stderr) == (0, "")


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"recipe: [", b"\t- a", b"<<<<<<< HEAD\n", None], ids=repr)
@pytest.mark.parametrize("command", ["run", "check", "compile"])
def test_no_bad_file_shows_a_traceback(call: Call, tmp_path: Path, command: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "bad.yaml").write_bytes(content)
    done = call(command, "bad.yaml")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr + done.stdout
    assert "CR" in done.stderr + done.stdout


def test_compile_writes_everything_that_a_run_starts_from(call: Call, tmp_path: Path) -> None:
    done = call("compile", FACTORY, "--profile", "predict2.5-2b", "-o", "plan")
    assert done.returncode == 0
    assert "h100-80gb" in done.stdout
    assert {path.name for path in (tmp_path / "plan").iterdir()} == {
        "plan.yaml",
        "nemo.yaml",
        "recipe.lock",
        "recipe.yaml",
        "launch.sh",
    }


def test_weights_that_cannot_be_fetched_are_told_before_anything_is_prepared(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    done = call("run", FACTORY, "--profile", "predict1-7b")
    assert "CR623" in done.stderr
    assert done.returncode not in (0, 1)
    assert not list((tmp_path / "runs").glob("**/*.mkv"))


def test_a_problem_of_run_can_be_had_as_json(call: Call) -> None:
    done = call("run", FACTORY, "--set", "train.stepz=1", "--format", "json")
    assert done.returncode == 2
    assert json.loads(done.stdout)[0]["code"].startswith("CR1")


def test_explain_gives_both_examples_and_suggests_a_code(call: Call) -> None:
    assert {"Wrong:", "Right:"} <= {line.strip() for line in call("explain", "cr650").stdout.splitlines()}
    unknown = call("explain", "CR999")
    assert unknown.returncode == 2
    assert "did you mean" in unknown.stderr


def test_ls_and_show_know_the_same_names(call: Call) -> None:
    for kind in ("recipes", "backbones", "heads", "schemas", "datasets"):
        lines = call("ls", kind).stdout.splitlines()
        names = [line.split()[0] for line in lines if not line.startswith("name  ")]
        assert names
        for name in names:
            shown = call("show", name)
            assert shown.returncode == 0, shown.stderr
            assert name in shown.stdout


def test_ls_tasks_says_what_works_and_how_well_in_a_hundred_columns(call: Call) -> None:
    lines = call("ls", "tasks").stdout.splitlines()
    assert max(map(len, lines)) <= 100
    words = [line.split() for line in lines]
    assert [each[0] for each in words if each[1:4] and each[-1] == "autoregressive"] == ["task,"]
    tasks = {path.stem for path in (ROOT / "recipes").glob("*.yaml") if not path.stem.startswith("tiny-")}
    assert tasks == {
        each[0] for line, each in zip(lines, words, strict=True) if line.startswith("  ") and line[2:3].strip()
    }


def test_show_suggests_a_name(call: Call) -> None:
    done = call("show", "factori")
    assert done.returncode == 2
    assert "did you mean `factory`?" in done.stderr


def test_a_copy_works_where_it_is_and_overwrites_nothing(call: Call, tmp_path: Path) -> None:
    done = call("cp", "factory-instructions", "mine/first.yaml")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "mine" / "first.yaml").read_text()
    schema = text.partition("$schema=")[2].split("\n")[0]
    assert (tmp_path / "mine" / schema).resolve() == ROOT / "schemas" / "recipe.schema.json"
    assert call("check", "mine/first.yaml").returncode == 0
    again = call("cp", "factory-instructions", "mine/first.yaml")
    assert again.returncode == 2
    assert "exists" in again.stderr
    assert (tmp_path / "mine" / "first.yaml").read_text() == text


def test_a_copy_keeps_the_way_to_its_data(call: Call, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "there").mkdir()
    recipe = FACTORY.read_text().replace("use: factory", "use: ../videos # mine")
    (tmp_path / "there" / "own.yaml").write_text(recipe)
    assert call("cp", "there/own.yaml").returncode == 0
    assert "use: ./videos # mine" in (tmp_path / "own.yaml").read_text()


def test_the_schema_is_checked_and_written(call: Call, tmp_path: Path) -> None:
    assert call("schema", "-o", "s.json").returncode == 0
    assert (tmp_path / "s.json").read_text() == (ROOT / "schemas" / "recipe.schema.json").read_text()
    assert call("schema", "-o", "s.json", "--check").returncode == 0
    (tmp_path / "s.json").write_text("{}")
    stale = call("schema", "-o", "s.json", "--check")
    assert stale.returncode == 2
    assert "cosmos-recipe schema" in stale.stderr


def test_the_doctor_finds_this_machine_fit(call: Call) -> None:
    done = call("doctor", "--train")
    assert done.returncode == 0, done.stdout
    assert "BAD" not in done.stdout
    assert "frames of VP9 read back" in done.stdout
    assert "3 steps in" in done.stdout


def test_a_fault_of_the_program_is_short_and_keeps_its_traceback(call: Call, tmp_path: Path) -> None:
    broken = "import cosmos_recipes.diagnostics as d\nd.explain = lambda code: 1 / 0\nfrom cosmos_recipes.cli.main import main\nmain()"
    done = call("explain", "CR130", program=("-c", broken))
    assert done.returncode == 1
    assert done.stderr.startswith("Unexpected ZeroDivisionError: division by zero\n")
    assert "Traceback" not in done.stderr
    kept = Path(done.stderr.partition("The traceback is in ")[2].partition(";")[0])
    assert "ZeroDivisionError" in kept.read_text()
    kept.unlink()
    assert "Traceback" in call("--debug", "explain", "CR130", program=("-c", broken)).stderr


def test_a_closed_pipe_is_no_fault(tmp_path: Path) -> None:
    command = f"{sys.executable} -m cosmos_recipes show factory | true"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_misuse_of_a_command_exits_with_two(call: Call) -> None:
    for arguments in (("run",), ("check",), ("fly",), ("run", "factory", "--nproc", "0"), ("ls", "planets")):
        assert call(*arguments).returncode == 2
