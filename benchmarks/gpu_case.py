"""One process of `gpu.py`: `gpu_case.py weights|ours|peer CASE.json RESULT.json`.

Legend: B batch, C channels, T frames, H height, W width, L length of a text, D its width.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import yaml
from diffusers import AutoencoderKLWan, CosmosTransformer3DModel
from gpu import Case
from torch import Tensor

from cosmos_recipes.backbones.networks import build_network
from cosmos_recipes.backbones.padding import provide_resize
from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.gpus import GPUS
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.run.prepare import Preparation, clip_reader
from cosmos_recipes.run.progress import Silent

VIDEOS = 3


class Enough(Exception):
    """Raised when all steps were measured: the trained model is of no use."""


def plan_of(case: Case, folder: Path) -> Plan:
    """Write the videos and the recipe of a case, and return its plan."""
    recipe = case.recipe(folder / "videos")
    clip = recipe["dataset"]["clip"]
    height_px, width_px = map(int, clip["size"].split("x"))
    for number in range(VIDEOS):
        write_video(
            folder / "videos" / f"{number}.mp4",
            number,
            clip["frames"],
            int(clip["rate"].split()[0]),
            height_px,
            width_px,
        )
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return compile_recipe(load_recipe(str(path), overrides=list(case.overrides)))


def write_video(path: Path, number: int, frames: int, rate_hz: int, height_px: int, width_px: int) -> None:
    """Write a video in which noise slides over a picture, in H.264, which NVDEC reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(number)
    picture = random.integers(0, 255, (height_px // 8, width_px // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate_hz, options={"preset": "ultrafast", "g": str(rate_hz)})
        stream.height, stream.width, stream.pix_fmt = height_px, width_px, "yuv420p"
        for time_step in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, 3 * time_step, axis=1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_weights(case: Case, folder: Path) -> None:
    """Write a pipeline: the network at its real width, and an autoencoder with few weights, all drawn at random."""
    entry = backbone(case.backbone)
    network = build_network(entry.family, entry.architecture.model_dump(), seed=0)
    network.to(torch.bfloat16).save_pretrained(folder / "transformer")
    thin = AutoencoderKLWan(base_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1, z_dim=entry.tokenizer.channels)
    thin.save_pretrained(folder / "vae")


class Decoding:
    """Decodes the next clip while a step is trained, and says how long the step after it would have waited."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.reader, self.pool = clip_reader(plan, folder), ThreadPoolExecutor(1)
        self.clips = self.reader.index.ids("train").tolist()
        self.wait_s: list[float] = []
        self.ahead: Future[Any] | None = None

    def step(self) -> None:
        """Wait for the clip of this step, as training would, and start on the next."""
        began_s = time.perf_counter()
        if self.ahead is not None:
            self.ahead.result()
            self.wait_s.append(time.perf_counter() - began_s)
        clip = self.clips[len(self.wait_s) % len(self.clips)]
        self.ahead = self.pool.submit(self.reader.read, [clip])


def ours(plan: Plan, folder: Path, run: Path, steps: int) -> dict[str, Any]:
    """Train with this package: with cached latents, then with the same and a decoder beside it."""
    from cosmos_recipes.training.fit import train

    decoding = Decoding(plan, folder)
    seen = 0

    def progress(what: str, done: int, total: int) -> None:
        nonlocal seen
        if done <= seen:
            return
        seen = done
        if done >= steps:
            decoding.step()
        if done >= 2 * steps:
            raise Enough

    try:
        train(plan, run, folder, progress=progress)
    except Enough:
        lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    steps_of = [line for line in lines if "loss" in line][:steps]
    ends_s = [line["seconds"] for line in steps_of]
    return {
        "seconds": [after - before for before, after in zip([0.0, *ends_s], ends_s, strict=False)],
        "wait_s": [line["data_wait_s"] for line in steps_of],
        "wait_decoding_s": decoding.wait_s,
        "decoder": ", ".join(sorted(set(plan.data.decode.backends.values()))),
        **planned(plan),
    }


def planned(plan: Plan) -> dict[str, Any]:
    """Return what the plan says beforehand."""
    kind, hardware = GPUS.get(plan.hardware.gpu or ""), plan.hardware
    compiled = ", compiled" if hardware.compile else ""
    return {
        "tokens": plan.data.clip.tokens * plan.train.global_batch,
        "flops": plan.fit.flops_per_step,
        "peak_flops": kind.bf16_flops if kind else None,
        "planned_bytes": plan.fit.total_bytes,
        "planned_step_s": plan.fit.seconds_per_step,
        "way": f"{hardware.strategy}, recompute {hardware.recompute}{compiled}",
    }


def peer(plan: Plan, steps: int) -> dict[str, Any]:
    """Train the same network with diffusers, peft and PyTorch alone, as one would write it, on one clip on the device."""
    device = torch.device("cuda" if plan.hardware.gpu else "cpu")
    network = network_of(plan).to(device)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=device.type == "cuda")
    given = inputs(plan, device)
    seconds = []
    for _ in range(steps):
        began_s = time.perf_counter()
        plain_step(network, given, trained, optimizer)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began_s)
    return {"seconds": seconds}


def network_of(plan: Plan) -> Any:
    """Return diffusers' own class with the weights, adapters and recomputation of the plan."""
    folder = Weights(label=str(plan.backbone.weights)).folder / "transformer"
    provide_resize()
    network = CosmosTransformer3DModel.from_pretrained(folder, torch_dtype=torch.float32)
    if plan.train.lora_rank:
        from peft import LoraConfig

        names = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"]
        network.requires_grad_(False)
        network.add_adapter(LoraConfig(r=plan.train.lora_rank, lora_alpha=plan.train.lora_alpha, target_modules=names))
    if plan.hardware.recompute != "none":
        network.enable_gradient_checkpointing()
    return network.train()


def inputs(plan: Plan, device: torch.device) -> dict[str, Tensor]:
    """Return a clip, its noise and what else the network takes, drawn at random."""
    clip, text = plan.data.clip, plan.backbone.text
    batch = plan.train.global_batch
    shape = (batch, plan.backbone.tokenizer.channels, clip.latent_frames, clip.latent_height, clip.latent_width)
    draw = torch.Generator(device).manual_seed(0)
    mask_BCTHW = torch.zeros(batch, 1, *shape[2:], device=device)
    mask_BCTHW[:, :, : clip.given_latent_frames] = 1
    return {
        "clean_BCTHW": torch.randn(shape, generator=draw, device=device),
        "noise_BCTHW": torch.randn(shape, generator=draw, device=device),
        "mask_BCTHW": mask_BCTHW,
        "context_BLD": torch.randn(batch, text.length, text.width, generator=draw, device=device),
        "padding": torch.zeros(1, 1, clip.height_px, clip.width_px, device=device),
    }


def plain_step(network: Any, given: dict[str, Tensor], trained: list[Any], optimizer: Any) -> None:
    """Do one step of rectified flow at the middle of the noise."""
    clean_BCTHW, noise_BCTHW, mask_BCTHW = given["clean_BCTHW"], given["noise_BCTHW"], given["mask_BCTHW"]
    noisy_BCTHW = torch.where(mask_BCTHW.bool(), clean_BCTHW, (clean_BCTHW + noise_BCTHW) / 2)
    with torch.autocast(clean_BCTHW.device.type, torch.bfloat16):
        said_BCTHW = network(
            hidden_states=noisy_BCTHW,
            timestep=torch.full((len(noisy_BCTHW),), 0.5, device=noisy_BCTHW.device),
            encoder_hidden_states=given["context_BLD"],
            condition_mask=mask_BCTHW,
            padding_mask=given["padding"] if network.config.concat_padding_mask else None,
            return_dict=False,
        )[0]
    error_BCTHW = (said_BCTHW.float() - (noise_BCTHW - clean_BCTHW)).square() * (1 - mask_BCTHW)
    error_BCTHW.mean().backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()


def main() -> None:
    """Measure, and write what came out."""
    who, asked, told = sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3])
    case = Case(**{**asked, "overrides": tuple(asked["overrides"])})
    if who == "weights":
        write_weights(case, Path(case.weights))
        told.write_text("{}")
        return
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        plan = plan_of(case, folder)
        if who == "ours":
            preparation = Preparation.of(plan, folder)
            preparation.perform(Silent())
            _forget_peak()
            measured = ours(plan, preparation.folder, folder / "run", case.steps)
        else:
            measured = peer(plan, case.steps)
    measured["peak_bytes"] = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    told.write_text(json.dumps(measured))


def _forget_peak() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


if __name__ == "__main__":
    main()
