"""Models as a stranger might publish them: each attack changes one file of a model that is otherwise whole."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cosmos_recipes.backbones.weights import SHIPPED, Weights
from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.emit import emit
from cosmos_recipes.recipe.load import load_recipe

CONFIG, NETWORK, TOKENIZER = "cosmos_recipe.json", "transformer/config.json", "tokenizer/config.json"
WEIGHTS = "transformer/diffusion_pytorch_model.safetensors"
HEAD = "head/model.safetensors"
RECIPE = Path(__file__).parents[2] / "recipes" / "tiny-base.yaml"
Change = Callable[[Path], None]


def package(folder: Path, backbone: str = "tiny-diffusion") -> Path:
    """Write the smallest model of a family as a package: its manifest is written by `seal`."""
    shutil.copytree(Weights(label=f"{SHIPPED}{backbone}").folder, folder)
    loaded = load_recipe(RECIPE, overrides=[f"backbone={backbone}"])
    for name, text in emit(compile_recipe(loaded), loaded).items():
        if name in ("recipe.yaml", "recipe.lock", "plan.yaml"):
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def seal(folder: Path) -> None:
    """Write the manifest of what is there: a stranger's hashes are right."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "MANIFEST.json")
    files = {
        path.relative_to(folder).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "size_bytes": path.stat().st_size,
        }
        for path in paths
    }
    said = {"format": 1, "recipe": "tiny-base", "run": "base-1", "base": None, "files": files}
    (folder / "MANIFEST.json").write_text(json.dumps(said))


def text(name: str, content: str) -> Change:
    """Return what replaces a file."""
    return lambda folder: (folder / name).write_text(content, encoding="utf-8") and None


def said(name: str, **changes: Any) -> Change:
    """Return what replaces values of a JSON file."""

    def change(folder: Path) -> None:
        before = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**before, **changes}))

    return change


def header(name: str, document: bytes, *, length: int | None = None, body: bytes = b"") -> Change:
    """Return what writes a safetensors file with this header, which says that it has another length."""
    promised = len(document) if length is None else length
    return lambda folder: (folder / name).write_bytes(struct.pack("<Q", promised) + document + body) and None


def tensors(**of: dict[str, Any]) -> bytes:
    """Return a header."""
    return json.dumps(of).encode()


def f32(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    """Return what a header says of a tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


MILLION = b"{" + b",".join(b'"t%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}' % n for n in range(150_000)) + b"}"
SHOWN: dict[str, Change] = {
    "config-empty": text(CONFIG, ""),
    "config-of-a-list": text(CONFIG, "[1]"),
    "config-deep": text(CONFIG, '{"head":' + "[" * 100_000),
    "config-nested": text(CONFIG, '{"head":' * 60 + "1" + "}" * 60),
    "config-huge": text(CONFIG, '{"head":"' + "a" * 12_000_000 + '"}'),
    "config-bad-bytes": lambda folder: (folder / CONFIG).write_bytes(b'{"head":"\xff\xfe"}') and None,
    "config-of-digits": text(CONFIG, '{"given_frames":' + "9" * 5000 + "}"),
    "config-infinite": said(CONFIG, rate_hz=float("inf")),
    "config-lacking": text(CONFIG, '{"head": "text"}'),
    "config-other-types": said(CONFIG, head={"_target_": "os.system"}, given_frames="many", text=[1]),
    "config-key-more": said(CONFIG, _target_="os.system"),
    "head-of-a-module": said(CONFIG, head="os.system"),
    "head-that-steers": said(CONFIG, head="\x1b[2J\u202e"),
    "frames-absurd": said(CONFIG, given_frames=10**9),
    "clip-absurd": said(CONFIG, clip={"frames": 10**9, "height_px": 10**9, "width_px": 10**9}),
    "numbers-absurd": said(CONFIG, numbers={"action": 10**12}),
    "text-absurd": said(CONFIG, text={"encoder": "bytes", "length": 10**15, "width": 10**15}),
    "objective-of-a-class": said(CONFIG, objective={"name": "torch.hub.load", "shift": 1}),
    "base-of-a-list": said(CONFIG, base=["/etc/passwd"]),
}
"""Attacks on what every command reads of a package."""
LOADED: dict[str, Change] = {
    "layers-absurd": said(NETWORK, num_layers=10**9),
    "layers-many": said(NETWORK, num_layers=900),
    "heads-absurd": said(NETWORK, num_attention_heads=10**6, attention_head_dim=10**6),
    "heads-negative": said(NETWORK, num_attention_heads=-1),
    "patch-of-none": said(NETWORK, patch_size=[0, 0, 0]),
    "network-of-a-list": text(NETWORK, "[]"),
    "network-deep": text(NETWORK, "{" * 3 + "[" * 50_000),
    "network-of-texts": said(NETWORK, num_layers="os.system", patch_size="torch"),
    "network-quantised": said(NETWORK, quantization_config={"quant_method": "bitsandbytes"}),
    "tokenizer-of-a-module": said(TOKENIZER, tokenizer="os.system"),
    "tokenizer-of-a-list": said(TOKENIZER, tokenizer=["pca"]),
    "tokenizer-absurd": said(TOKENIZER, channels=10**7, spatial=10**7),
    "tokenizer-of-another": said(TOKENIZER, spatial=16),
    "tokenizer-argument": said(TOKENIZER, whitening=None, folder="/etc"),
    "tokenizer-of-programs": text(TOKENIZER, json.dumps({"tokenizer": "cosmos-dv8x16x16", "sha256": {}, "hub_id": "eve/x", "revision": "main", "_name_or_path": "/tmp"})),
    "data-of-a-list": text("data.json", "[]"),
    "data-of-other-types": text("data.json", '{"normalise": [{"action": {"how": "os.system", "statistics": 1}}], "intrinsics": null}'),
    "data-no-lens": text("data.json", '{"normalise": [], "intrinsics": [[1], ["x", {}]]}'),
    "text-wide": said(CONFIG, text={"encoder": "bytes", "length": 96, "width": 900_000}),
    "views-that-are-none": said(CONFIG, views=["a", "b"], attention="per-view", sees={"a": ["nobody"]}),
    "index-that-leads-out": text(f"{WEIGHTS}.index.json", '{"weight_map": {"a": "../../../outside/canary.yaml"}}'),
    "index-of-a-list": text(f"{WEIGHTS}.index.json", '{"weight_map": [1]}'),
    "header-longer-than-the-file": header(WEIGHTS, b"{}", length=2**40),
    "header-of-most-bits": header(WEIGHTS, b"{}", length=2**64 - 1),
    "header-of-no-json": header(HEAD, b"{" * 100_000),
    "header-of-a-million": header(WEIGHTS, MILLION),
    "header-large": header(WEIGHTS, tensors(a=f32([0], 0, 0)) + b" " * 30_000_000),
    "tensors-that-overlap": header(HEAD, tensors(a=f32([4], 0, 16), b=f32([4], 8, 24)), body=bytes(24)),
    "tensors-out-of-the-file": header(HEAD, tensors(a=f32([10**9], 0, 4 * 10**9)), body=bytes(16)),
    "tensors-of-many-axes": header(HEAD, tensors(a=f32([1] * 10_000, 0, 4)), body=bytes(4)),
    "tensors-of-no-size": header(HEAD, tensors(a=f32([2**62, 2**62], 0, 16)), body=bytes(16)),
    "tensors-of-another-kind": header(HEAD, tensors(a=f32([4], 0, 16, "PICKLE")), body=bytes(16)),
    "tensors-of-others": header(HEAD, tensors(a=f32([4], 0, 16)), body=bytes(16)),
    "no-file-at-all": lambda folder: (folder / HEAD).write_bytes(b""),
}  # fmt: skip
"""Attacks on what is only read where a model is loaded."""
MANIFESTS = {
    "deep": '{"format": 1, "files": ' + "[" * 100_000,
    "many": '{"format": 1, "files": {' + ",".join(f'"f{n}": {{"sha256": "", "size_bytes": 0}}' for n in range(12_000)) + "}}",
    "other-types": '{"format": 1, "files": {"recipe.yaml": {"sha256": 3, "size_bytes": "x"}}}',
    "of-a-list": "[]",
}  # fmt: skip
