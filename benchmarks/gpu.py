"""Post-training on one GPU: step time, MFU and memory against what the plan says, beside a plain diffusers loop, in one run.

    python benchmarks/gpu.py [--toy] [--case predict2-2b:720p:full ...] [--steps 6] [--set KEY=VALUE ...] [--write [FILE]]

For Predict2-2B and Predict2.5-2B at their real width (random weights), at clips of 480p and 720p, training every weight
or adapters: seconds of a step, tokens per second, MFU, peak memory against the plan's, and how long a step waits for
data, with cached latents and with videos that are decoded (by NVDEC, where DALI can) while training goes on. The peer is
the same network in a loop of diffusers and PyTorch alone, on a clip that already lies on the GPU. Each is a process of its
own, one after the other. `--toy` does it all at toy width on a CPU, where there is no MFU and no peak memory.
`--write` keeps the figures in results/gpu.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parent / "results" / "gpu.json"
ONE = Path(__file__).parent / "gpu_case.py"
BACKBONES, SIZES, METHODS = ("predict2-2b", "predict2.5-2b"), ("480p", "720p"), ("full", "lora")
PIXELS = {"480p": "480x832", "720p": "704x1280", "toy": "64x64"}
TARGETS = {"mfu": 0.45, "ours_over_peer": 1.25, "memory_off": 0.10}
"""At 720p on an H200, compiled: least MFU, least speed over the plain loop, most by which the memory may be off."""
SKIPPED = 2
"""Steps of each process that are not counted: kernels are chosen and compiled in them."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is trained, and how; from the `weights` in a folder, or `base`.

    `gpu` is the kind that the plan is made for, None for a CPU.
    """

    backbone: str
    size: str
    method: str
    gpu: str | None
    steps: int
    weights: str
    overrides: tuple[str, ...] = ()

    def recipe(self, videos: Path) -> dict[str, Any]:
        """Return the recipe that trains it on a folder of videos."""
        frames, rate = (13, "5 Hz") if self.size == "toy" else (93, "16 Hz")
        source = {"kind": "folder", "path": str(videos)}
        dataset = {"dataset": "moving", "schema": "instruction-video", "licence": "apache-2.0", "source": source}
        return {
            "recipe": "gpu-benchmark",
            "summary": "Measure how fast this GPU trains.",
            "backbone": {"use": self.backbone, "weights": self.weights},
            "dataset": {
                "schema": "instruction-video",
                "use": dataset,
                "clip": {"frames": frames, "rate": rate, "size": PIXELS[self.size]},
            },
            "train": {
                "method": "full" if self.method == "full" else {"lora": {"rank": 16, "alpha": 16}},
                "steps": 100_000,
                "global_batch": 1,
                "log_every": 1,
                "checkpoint_every": 100_000,
                "precision": "bf16",
            },
            "evaluate": {"every": 0},
            **({"hardware": {"gpus": 1, "gpu": self.gpu}} if self.gpu else {}),
        }


def cases_of(given: argparse.Namespace, weights: Path) -> list[Case]:
    """Return the cases that were asked for, all by default; the weights of each backbone are to lie in `weights`."""
    if given.toy:
        named, gpu = ["tiny-diffusion:toy:full"], None
    else:
        named = given.case or [f"{name}:{size}:{how}" for name in BACKBONES for size in SIZES for how in METHODS]
        gpu = kind_of_gpu()
    return [
        Case(
            backbone=name,
            size=size,
            method=how,
            gpu=gpu,
            steps=given.steps,
            weights="base" if given.toy else str(weights / name),
            overrides=tuple(given.set),
        )
        for name, size, how in (each.split(":") for each in named)
    ]


def kind_of_gpu() -> str:
    """Return the name that plans have for this machine's GPU."""
    import torch

    from cosmos_recipes.compiler.gpus import GPUS

    if not torch.cuda.is_available():
        sys.exit("there is no GPU here: --toy tries the script on a CPU")
    said, held = torch.cuda.get_device_name().lower(), torch.cuda.get_device_properties(0).total_memory
    alike = [name for name in GPUS if name.split("-")[0] in said.replace(" ", "")]
    alike += [name for name in GPUS if name not in alike and name.rsplit("-", 1)[0].replace("-", " ") in said]
    if not alike:
        sys.exit(f"{said} is none of the kinds that plans know: {', '.join(GPUS)}")
    return min(alike, key=lambda name: abs(GPUS[name].memory_bytes - held))


def run(who: str, case: Case, folder: Path) -> dict[str, Any]:
    """Write weights, or measure one of the two loops, in a process of its own; what it prints is kept beside its figures."""
    asked, told = folder / "case.json", folder / f"{who}.json"
    asked.write_text(json.dumps(asdict(case)))
    told.unlink(missing_ok=True)
    with (folder / f"{who}.log").open("w") as log:
        command = [sys.executable, str(ONE), who, str(asked), str(told)]
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    if not told.exists():
        last = (folder / f"{who}.log").read_text().strip().splitlines()[-1:]
        return {"failed": f"exit code {code}: {' '.join(last)}"[:300]}
    measured: dict[str, Any] = json.loads(told.read_text())
    return measured


def measured(case: Case, folder: Path) -> dict[str, Any]:
    """Measure a case, after writing weights at random for its backbone if that is the first of it."""
    if case.weights != "base" and not Path(case.weights).exists():
        made = run("weights", case, folder)
        if "failed" in made:
            return row(case, made, made)
    return row(case, run("ours", case, folder), run("peer", case, folder))


def row(case: Case, ours: dict[str, Any], peer: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a case."""
    line: dict[str, Any] = {"backbone": case.backbone, "size": case.size, "method": case.method}
    if "failed" in ours or "failed" in peer:
        return line | {"ours": ours, "peer": peer}
    step_s, peer_s = (statistics.median(each["seconds"][SKIPPED:]) for each in (ours, peer))
    used, said = ours["peak_bytes"], ours["planned_bytes"]
    return line | {
        "tokens": ours["tokens"],
        "way": ours["way"],
        "step_s": round(step_s, 4),
        "peer_step_s": round(peer_s, 4),
        "ours_over_peer": round(peer_s / step_s, 3),
        "planned_step_s": ours["planned_step_s"],
        "tokens_per_s": round(ours["tokens"] / step_s, 1),
        "mfu": round(ours["flops"] / step_s / ours["peak_flops"], 4) if ours["peak_flops"] else None,
        "peer_mfu": round(ours["flops"] / peer_s / ours["peak_flops"], 4) if ours["peak_flops"] else None,
        "peak_bytes": used,
        "planned_bytes": said,
        "memory_off": round(said / used - 1, 4) if used else None,
        "peer_peak_bytes": peer["peak_bytes"],
        "wait_cached_s": round(statistics.median(ours["wait_s"][SKIPPED:]), 4),
        "wait_decoding_s": round(statistics.median(ours["wait_decoding_s"][SKIPPED:]), 4),
        "decoder": ours["decoder"],
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Return the figures as lines for a person."""
    lines = [
        "backbone        size  method  tokens    step   peer  ratio    MFU  peak GB  planned  wait cached/decoding"
    ]
    for each in rows:
        head = f"{each['backbone']:<15} {each['size']:<5} {each['method']:<6}"
        if "step_s" not in each:
            lines.append(f"{head}  {each['ours'].get('failed') or each['peer'].get('failed')}")
            continue
        mfu = f"{100 * each['mfu']:5.1f}%" if each["mfu"] else "     -"
        peak = f"{each['peak_bytes'] / 1e9:8.1f} {each['planned_bytes'] / 1e9:8.1f}" if each["peak_bytes"] else 17 * " "
        lines.append(
            f"{head} {each['tokens']:>7} {each['step_s']:7.3f} {each['peer_step_s']:6.3f} {each['ours_over_peer']:6.2f}"
            f" {mfu} {peak}  {each['wait_cached_s']:.4f}/{each['wait_decoding_s']:.4f} s ({each['decoder']})"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure every case, print the table, and write it down; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--toy", action="store_true", help="toy width, on the CPU")
    parser.add_argument("--case", action="append", help="BACKBONE:SIZE:METHOD; all of them by default")
    parser.add_argument("--steps", type=int, default=6, help="steps of each process")
    parser.add_argument("--set", action="append", default=[], help="change the recipe: key.path=value")
    parser.add_argument(
        "--write", type=Path, nargs="?", const=RESULT, help="keep the figures in results/gpu.json, or there"
    )
    given = parser.parse_args()
    if given.steps <= SKIPPED:
        parser.error(f"--steps must be more than the {SKIPPED} that are not counted")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in cases_of(given, Path(folder)):
            rows.append(measured(case, Path(folder)))
            print(table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(table(rows))
    if given.write:
        given.write.write_text(json.dumps({"machine": machine(), "targets": TARGETS, "cases": rows}, indent=2) + "\n")
    return int(any("step_s" not in each for each in rows))


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"gpu": gpu, "torch": torch.__version__, "cuda": torch.version.cuda, "architecture": platform.machine()}


if __name__ == "__main__":
    sys.exit(main())
