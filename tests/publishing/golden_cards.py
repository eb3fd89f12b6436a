"""Two models whose cards are kept word for word: one with a control of numbers, and adapters on a base of the Hub."""

from __future__ import annotations

from typing import Any

from publishing_toys import METRICS, make_plan

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.data.binding.spec import ColumnStatistics
from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.seen import SeenData
from cosmos_recipes.data.statistics import Normaliser
from cosmos_recipes.publishing.card import Told

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SIDES = [f"samples/clip_0{number}_{what}.mp4" for number in range(2) for what in ("side_by_side", "truth")]
MEAN = {"low": 0.9, "high": 1.4, "clips": 32}
TASK = {
    "end_effector_px": {
        "unit": "px", "less_is_better": True, "p_shuffled": 0.0004,
        "floor": {"value": 0.3, **MEAN}, "true": {"value": 1.1, **MEAN}, "shuffled": {"value": 6.5, **MEAN},
        "none": {"value": 5.0, **MEAN},
    },
}  # fmt: skip


def action_model(**changes: Any) -> tuple[Plan, Told]:
    """A model that is told actions, with a name of a stranger's for each number."""
    plan = make_plan(
        task="action",
        conditioning={"head": "action", "enters": "time", "dropout": 0.1},
        publish={"repo": "local", "public": False},
        gate={"adherence": 1.2},
        **changes,
    )
    data = {
        "schema_name": "action-frame",
        "contract": load_schema("action-frame").model_dump(mode="json", by_alias=True),
        "columns": {"video": "video", "action": "tensor"},
        "numbers": {"action": 2},
        "bindings": {
            "action": {"from": "action", "names": ["dx", "grip"], "unit": ["cm", "1"], "form": ["delta", "absolute"]}
        },
        "normalise": {"action": "quantile"},
        "source": {"kind": "hub", "path": "ada/arm-videos", "revision": COMMIT},
        "revision": COMMIT,
        "licence": "cc-by-sa-4.0",
    }
    plan = plan.model_copy(update={"data": type(plan.data).model_validate(plan.data.model_dump() | data)})
    ends = {"mean": (0, 0.5), "std": (1, 1), "min": (-1, 0), "max": (1, 1), "q01": (-0.02, 0), "q99": (0.03, 1)}
    normaliser = Normaliser("quantile", ColumnStatistics(count=9, **ends))
    told = Told(
        run_id="base-0a1b2c3d",
        metrics=METRICS | {"task": TASK},
        files=["samples/contact_sheet.png", *SIDES],
        clips={"captions": ["The arm picks up the box.", "It waits."]},
        recipe="recipe: toy-arm\n",
        lock={"packages": {"cosmos-recipes": "0.1.0", "torch": "2.13.0"}},
        seen=SeenData(normalisers=[{"action": normaliser}]),
        prepared={"kept": 12, "clips": {"train": 240, "held-out": 32}, "left_out": [{}]},
        data_fingerprint="ba2a448cd3ef793d",
        head_numbers=4321,
    )
    return plan, told


def adapter_of_the_hub() -> tuple[Plan, Told]:
    """Adapters for captions on a base of the Hub, whose text encoder is frozen, trained on GPUs."""
    plan = make_plan(publish={"repo": "ada/arm", "public": True}, profile="predict2.5-2b")
    backbone = {
        "name": "predict2.5-2b",
        "hub_id": "nvidia/Cosmos-Predict2.5-2B",
        "revision": "main",
        "weights": f"hub:nvidia/Cosmos-Predict2.5-2B@{COMMIT}",
        "licence": "nvidia-open-model-license",
    }
    training = {"method": "lora", "lora_rank": 16, "lora_alpha": 16, "precision": "bf16"}
    hardware = {"accelerator": "gpu", "gpu": "h100-80gb", "devices": 8, "strategy": "ddp"}
    text = {"encoder": "cosmos-reason1", "length": 512, "width": plan.backbone.text.width}
    document = plan.model_dump()
    document["backbone"] |= backbone | {"text": document["backbone"]["text"] | text}
    document["train"] |= training
    document["fit"] |= {"total_bytes": 44_000_000_000}
    document["hardware"] |= hardware
    told = Told(
        run_id="predict2.5-2b-0a1b2c3d",
        metrics=METRICS | {"train_seconds": 20000.0},
        files=["samples/contact_sheet.png", *SIDES],
        clips={"captions": ["The arm picks up the box.", "It waits."]},
        recipe="recipe: toy-arm\n",
        lock={"packages": {"cosmos-recipes": "0.1.0"}},
        peak_gpu_bytes=41_300_000_000,
        is_tokenizer_elsewhere=True,
    )
    return Plan.model_validate(document), told
