"""Files as the public tools lay them out, written for these tests."""

from __future__ import annotations

from pathlib import Path

TOML = """\
# A fine-tuning of the small model on our clips.
[job]
task       = "vfm"
experiment = "vision_sft_nano"
project    = "kitchen"
group      = "sft"
name       = "Kitchen_Nano"
wandb_mode = "disabled"

[model]
max_num_tokens_after_packing = 45056
joint_attn_implementation    = "two_way"
precision                    = "bfloat16"  # of the forward pass
lora_enabled                 = true
lora_rank                    = 8
lora_alpha                   = 32

[model.ema]
enabled = true
rate    = 0.1

[model.parallelism]
data_parallel_shard_degree     = 4
data_parallel_replicate_degree = 2

[model.activation_checkpointing]
mode           = "full"
save_ops_regex = [
    "fmha",  # keep these
    "mm",
]

[model.tokenizer]
vae_path = "${oc.env:WAN_VAE_PATH}"

[optimizer]
betas          = [0.9, 0.95]
fused          = true
keys_to_select = ["lora_"]
lr             = 5.0e-4
weight_decay   = 0

[scheduler]
cycle_lengths = [1000]
f_max         = [0.5]
f_min         = [0.0]
warm_up_steps = [50]

[trainer]
grad_accum_iter = 2
logging_iter    = 20
max_iter        = 500

[trainer.callbacks.grad_clip]
clip_norm    = 0.1
force_finite = true

[checkpoint]
load_path = "${oc.env:BASE_CHECKPOINT_PATH}"
save_iter = 100

[dataloader_train]
max_samples_per_batch = 1
max_sequence_length   = 45056
seed                  = 7
"""

EXPERIMENTS = """\
# torchrun --nproc_per_node=8 --master_port=12341 -m scripts.train --config=... -- experiment=robot_lora
from hydra.core.config_store import ConfigStore

from cosmos_predict2._src.imaginaire.lazy_config import LazyCall as L
from cosmos_predict2._src.imaginaire.utils.checkpoint_db import get_checkpoint_path
from cosmos_predict2.config import MODEL_CHECKPOINTS, ModelKey

raise SystemExit("this file must never be run")

DEFAULT_CHECKPOINT = MODEL_CHECKPOINTS[ModelKey(post_trained=False)]

robot_clips = L(VideoDataset)(
    dataset_dir="datasets/robot_clips",
    num_frames=93,
    video_size=(704, 1280),
)

robot_loader = L(get_generic_dataloader)(
    dataset=robot_clips,
    sampler=L(get_sampler)(dataset=robot_clips),
    batch_size=2,
    drop_last=True,
    num_workers=4,
    pin_memory=True,
)

_checkpoint = dict(
    load_path=get_checkpoint_path(DEFAULT_CHECKPOINT.s3.uri),
    load_from_object_store=dict(enabled=False),
)

robot_lora = dict(
    defaults=[
        f"/experiment/{DEFAULT_CHECKPOINT.experiment}",
        {"override /data_train": "mock"},
        "_self_",
    ],
    job=dict(project="cosmos_predict_v2p5", group="lora", name="2b_robot_lora"),
    dataloader_train=robot_loader,
    checkpoint=dict(**_checkpoint, save_iter=200),
    optimizer=dict(lr=2 ** (-14.5), weight_decay=0.001),
    scheduler=dict(f_max=[0.5], f_min=[0.2], warm_up_steps=[2_000], cycle_lengths=[100000]),
    trainer=dict(
        logging_iter=100,
        max_iter=1000,
        callbacks=dict(every_n_sample_reg=dict(every_n=200, save_s3=False)),
    ),
    model=dict(
        config=dict(
            use_lora=True,
            lora_rank=32,
            lora_alpha=32,
            lora_target_modules="q_proj,k_proj",
            min_num_conditional_frames=0,
            max_num_conditional_frames=2,
            conditional_frames_probs={0: 0.333, 1: 0.333, 2: 0.334},
        ),
    ),
    model_parallel=dict(context_parallel_size=1),
)


def arm_actions_2b():
    chunk = 12
    return LazyDict(
        dict(
            defaults=[
                "/experiment/Stage-c_pt_4-Size-2B-Res-720-Fps-16",
                {"override /net": "cosmos_v1_2B_action_chunk_conditioned"},
                {"override /data_train": "bridge_13frame_480_640_train"},
                "_self_",
            ],
            job=dict(project="arm", group="v2p5", name="arm_actions"),
            optimizer=dict(lr=32e-5, weight_decay=0.1),
            checkpoint=dict(save_iter=2_000, load_path="s3://bucket/base"),
            model_parallel=dict(context_parallel_size=1),
            model=dict(
                config=dict(
                    min_num_conditional_frames=1,
                    max_num_conditional_frames=1,
                    conditional_frames_probs=None,
                    state_t=1 + chunk // 4,
                    net=dict(action_dim=7),
                ),
            ),
            dataloader_train=dict(
                batch_size=8,
                dataset=dict(gripper_rescale_factor=1, num_action_per_chunk=chunk, video_size=[256, 320]),
            ),
        ),
        flags={"allow_objects": True},
    )


cs = ConfigStore.instance()
for _item in [robot_lora, arm_actions_2b()]:
    cs.store(group="experiment", package="_global_", name=_item["job"]["name"], node=_item)
"""


def write(path: Path, text: str) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
