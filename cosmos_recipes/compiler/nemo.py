"""NeMo's configuration of a plan: trainer, exp_manager and model, with every key that the run reads."""

from __future__ import annotations

from typing import Any

from cosmos_recipes.compiler.plan import HardwarePlan, Plan


def nemo_config(plan: Plan) -> dict[str, Any]:
    """Return what `hydra_runner` loads; paths are relative to the run's folder."""
    return {
        "name": plan.recipe,
        "trainer": {
            "accelerator": plan.hardware.accelerator,
            "devices": plan.hardware.devices,
            "num_nodes": plan.hardware.nodes,
            "strategy": _strategy(plan.hardware),
            "precision": "bf16-mixed" if plan.train.precision == "bf16" else "32-true",
            "max_steps": plan.train.steps,
            "max_epochs": -1,
            "accumulate_grad_batches": plan.train.accumulate,
            # The model clips by the norm over all shards.
            "gradient_clip_val": None,
            "log_every_n_steps": plan.train.log_every,
            "val_check_interval": None,
            "limit_val_batches": 0,
            "num_sanity_val_steps": 0,
            "use_distributed_sampler": False,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
        },
        "exp_manager": {
            "name": plan.recipe,
            "exp_dir": None,
            "explicit_log_dir": "train/nemo",
            "create_tensorboard_logger": plan.train.tensorboard,
            "create_wandb_logger": False,
            # Checkpoints and resuming are the trainer's own: NeMo's stumble over a kill between two of them.
            "create_checkpoint_callback": False,
            "resume_if_exists": False,
            "resume_from_checkpoint": None,
            "log_step_timing": False,
            "log_tflops_per_sec_per_gpu": False,
            "seconds_to_sleep": 0.0,
        },
        "model": {"plan": "plan.yaml", "fingerprint": plan.fingerprint()},
    }


def _strategy(hardware: HardwarePlan) -> Any:
    """Return that of Lightning's strategies which comes nearest to the plan's.

    NeMo makes no others from a file. Training has its own, made of the plan: `training.parallel.strategy`.
    """
    match hardware.strategy:
        case "single":
            return "auto"
        case "ddp":
            return {
                "_target_": "lightning.pytorch.strategies.DDPStrategy",
                "broadcast_buffers": False,
                "gradient_as_bucket_view": True,
            }
        case _:
            return {
                "_target_": "lightning.pytorch.strategies.ModelParallelStrategy",
                "data_parallel_size": hardware.world // hardware.tensor,
                "tensor_parallel_size": hardware.tensor,
            }
