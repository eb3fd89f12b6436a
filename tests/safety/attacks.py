"""What a stranger might write: recipes and files that are made here, as they are too large, too odd or too many to keep."""

from __future__ import annotations

import os
import socket
from pathlib import Path

CANARY = "canary-4f1c2d"
"""What lies outside, and may be in no output."""
VARIABLE = "COSMOS_RECIPES_CANARY"
TOKENS = (
    "hf_" + "aB3" * 11,
    "ghp_" + "aB3" * 12,
    "github_pat_" + "aB3" * 20,
    "AKIA" + "Q7Z2" * 4,
    "sk-" + "aB3" * 12,
    "sk-ant-" + "aB3" * 12,
    "nvapi-" + "aB3" * 14,
    "xoxb-" + "123-" * 6,
    "-----BEGIN OPENSSH PRIVATE KEY-----",
    "https://me:hunter2secret@example.com/x",
)
RECIPE = """\
recipe: attack
summary: A summary.
backbone: tiny-diffusion
dataset:
  schema: instruction-video
  use: {schema: instruction-video, source: {kind: folder, path: ./nothing}}
  clip: {frames: 13, rate: 5 Hz, size: 64x64}
train: {steps: 4, global_batch: 2}
"""
USE = "{schema: instruction-video, source: {kind: folder, path: ./nothing}}"
PLACES = (
    "../outside/canary.yaml", "../outside/canary.txt", "../outside", "../../../../../../../../etc/passwd", "/etc/passwd", "/etc",
    "/", "~", "~/", "~/canary.yaml", "~nosuchuser/x.yaml", "~root/.ssh", "/dev/zero", "/dev/stdin", "/dev/tty", "/proc/self/environ",
    "/proc/self/mem", "/proc/self/fd/0", "/proc/self/root", "./link.yaml", "./link", "./pipe.yaml", "./pipe", "./loop.yaml",
    "./huge.yaml", "./binary.yaml", "./utf16.yaml", "./" + "a" * 300 + ".yaml", "./" + "a/" * 2000 + "b.yaml", "C:\\Windows\\win.ini", "\\\\host\\share\\x.yaml",
    "..\\outside\\canary.yaml", "http://{host}/x.yaml", "https://{host}/x.yaml", "http://169.254.169.254/latest/meta-data", "s3://bucket/x.yaml",
    "file:///etc/passwd", "memory://x.yaml", "hf://owner/name", "hf://../../x", "hf://owner/name@main/../../x.yaml", "", ".", "..", "./.", "./attack.yaml/x",
    "${oc.env:" + VARIABLE + "}", "${oc.env:HOME}/x", "${env:" + VARIABLE + "}", "./x\\0y", "os.system", "torch.hub.load", "cosmos_recipes.cli.main", "tiny-diffusion;id", "$(id)", "`id`", "|id",
)  # fmt: skip
"""What a place of a recipe or a data set may name; `{host}` is a server that nobody may ask."""
NUMBERS = (
    "1e400",
    "-1",
    "0",
    "9007199254740992",
    "9223372036854775807",
    "1" + "0" * 5000,
    ".inf",
    ".nan",
    "0x" + "f" * 40,
    "1e308",
    "999999937",
)
COUNTS = (
    "train.steps", "train.global_batch", "train.micro_batch", "train.checkpoint_every", "train.keep_best", "train.keep_every_h", "train.log_every", "train.ema",
    "dataset.clip.frames", "dataset.clip.stride", "dataset.clip.rate", "dataset.clip.size", "dataset.limit", "evaluate.clips", "evaluate.every",
    "evaluate.sampler_steps", "evaluate.samples", "conditioning.given_frames", "conditioning.fewest_given_frames", "hardware.gpus", "hardware.nodes",
    "hardware.processes", "hardware.shard", "hardware.context", "hardware.tensor", "hardware.disk", "hardware.host_memory", "hardware.stall_s", "seed", "gate.psnr_over_copy",
)  # fmt: skip


def named_places(host: str) -> dict[str, str]:
    """Return recipes that name every place wherever a recipe can name one, by what they try."""
    made: dict[str, str] = {}
    for number, place in enumerate(PLACES):
        said = '"' + place.replace("{host}", host).replace("\\", "\\\\").replace("\\\\0", "\\0") + '"'
        source = "{schema: instruction-video, source: {kind: %s, path: " + said + "}}"
        made |= {
            f"use-{number}": RECIPE.replace(USE, said),
            f"extends-{number}": f"extends: {said}\n{RECIPE}",
            f"weights-{number}": RECIPE.replace("tiny-diffusion", f"{{use: tiny-diffusion, weights: {said}}}"),
            f"backbone-{number}": RECIPE.replace("tiny-diffusion", said),
            f"schema-{number}": RECIPE.replace("schema: instruction-video\n", f"schema: {said}\n"),
            f"head-{number}": f"{RECIPE}conditioning: {{head: {said}}}\n",
            f"repo-{number}": f"{RECIPE}publish: {{repo: {said}}}\n",
            f"summary-{number}": RECIPE.replace("A summary.", said[1:-1] if "\\" in said else said),
        }
        kinds = ("webdataset", "parquet", "lerobot", "nerfstudio", "cosmos", "realestate10k")
        for kind in ("folder", "hub", kinds[number % len(kinds)]):
            made[f"{kind}-{number}"] = RECIPE.replace(USE, source % kind)
    return made


def numbers() -> dict[str, str]:
    """Return recipes with numbers that no one means, at every place for a number."""
    made = {}
    for dotted in COUNTS:
        for number in NUMBERS:
            unit = {
                "dataset.clip.rate": " Hz",
                "hardware.disk": " GB",
                "hardware.host_memory": " GB",
                "gate.psnr_over_copy": " dB",
            }.get(dotted, "")
            said = f"{number}x{number}" if dotted.endswith("size") else f"{number}{unit}"
            made[f"{dotted}-{number[:20]}"] = with_value(dotted, said)
    return made


def with_value(dotted: str, said: str) -> str:
    """Return a recipe of a shipped data set with one more value, in a profile of its own."""
    *blocks, last = dotted.split(".")
    nested = "".join(f"{block}: {{" for block in blocks) + f"{last}: {said}" + "}" * len(blocks)
    gpus = "hardware: {gpus: 8, gpu: h100-80gb}\n" if dotted.startswith("hardware") else ""
    return RECIPE.replace(USE, "factory") + f"{gpus}profiles:\n  it: {{{nested}}}\n"


def large() -> dict[str, str]:
    """Return recipes that are small enough to be read, and made to take for ever."""
    use = RECIPE.replace
    shards = "{schema: instruction-video, source: {kind: webdataset, path: 'x/%s.tar'}}"
    views = (
        "{schema: multi-view, source: {kind: folder, path: ., views: {a: '"
        + "*a" * 30
        + "b', b: '"
        + "*" * 200
        + "'}}}"
    )
    return {
        "deep-lists": RECIPE + "gate: " + "[" * 100_000 + "\n",
        "deep-mappings": RECIPE + "gate: " + "{a: " * 100_000 + "\n",
        "deep-blocks": RECIPE + "".join(" " * depth + "a:\n" for depth in range(1, 900)),
        "deep-dashes": RECIPE + "gate:\n  " + "- " * 100_000 + "\n",
        "long-key": RECIPE + "a" * 900_000 + ": 1\n",
        "long-text": use("A summary.", "a" * 900_000),
        "many-keys": RECIPE + "".join(f"key{number}: 1\n" for number in range(19_000)),
        "many-figures": RECIPE + "gate: {figures: {" + ", ".join(f"k{number}: 1" for number in range(15_000)) + "}}\n",
        "many-profiles": RECIPE + "profiles:\n" + "".join(f"  p{n}: {{seed: {n}}}\n" for n in range(4000)),
        "quotes": RECIPE + "gate: " + '"' * 100_000 + "\n",
        "colons": RECIPE + "gate: " + ":" * 100_000 + "\n" + "? " * 50_000,
        "directives": "%YAML 1.2\n" * 10_000 + RECIPE,
        "blanks": RECIPE + " " * 900_000 + "x: 1\n",
        "lines": RECIPE + "\n" * 900_000 + "x: 1\n",
        "comments": RECIPE + "#\n" * 400_000 + "x: 1\n",
        "references": use("A summary.", '"' + "${seed}" * 1400 + '"') + "seed: 3\n",
        "long-reference": use("A summary.", '"${conditioning.sees.a.' + "1" * 5000 + '}"')
        + "conditioning: {sees: {a: [b]}}\n",
        "growing-references": use("A summary.", '"${recipe}"')
        + "profiles: {"
        + ", ".join(f'p{n}: {{summary: "{"${recipe}" * 900}"}}' for n in range(20))
        + "}\n",
        "shards-of-a-range": use(USE, shards % "{0..99999999999}*"),
        "shards-of-many-digits": use(USE, shards % ("{0.." + "9" * 5000 + "}*")),
        "shards-of-choices": use(USE, shards % ("{a,b}" * 40 + "*")),
        "shards-of-many-braces": use(USE, shards % ("{a,b}" * 2000)),
        "tables-of-everything": use(
            USE, "{schema: instruction-video, source: {kind: parquet, path: '/**/**/*.parquet'}}"
        ),
        "views-of-stars": use(USE, views),
    }


def tokens() -> dict[str, str]:
    """Return recipes with a secret in a value, a key and a comment."""
    made = {}
    for number, token in enumerate(TOKENS):
        made[f"token-in-a-value-{number}"] = RECIPE.replace("A summary.", f'"{token}"')
        made[f"token-in-a-key-{number}"] = f'{RECIPE}"{token}": 1\n'
        made[f"token-in-a-comment-{number}"] = f"{RECIPE}# {token}\n"
        made[f"token-in-a-path-{number}"] = RECIPE.replace("./nothing", f'"./{token}"')
    return made


def plant(folder: Path) -> None:
    """Lay out the files that recipes name, links and devices among them, and the canary beside the folder."""
    outside = folder.parent / "outside"
    outside.mkdir(exist_ok=True)
    for name in ("canary.yaml", "canary.txt", "canary.mp4", ".env"):
        (outside / name).write_text(f"password: {CANARY}\n")
    (folder / "link.yaml").symlink_to("../outside/canary.yaml")
    (folder / "link").symlink_to("../outside")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    for pipe in ("pipe.yaml", "pipe"):
        os.mkfifo(folder / pipe)
    with (folder / "huge.yaml").open("wb") as file:
        file.truncate(5_000_000_000)
    (folder / "binary.yaml").write_bytes(bytes(range(256)) * 40)
    (folder / "utf16.yaml").write_text(RECIPE, encoding="utf-16")


class Nobody:
    """A server that no command may ask: it notes whoever connects."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.setblocking(False)
        self.host = f"127.0.0.1:{self.listening.getsockname()[1]}"

    def was_asked(self) -> bool:
        """Return whether anybody connected."""
        try:
            self.listening.accept()
        except BlockingIOError:
            return False
        return True
