"""The kinds of GPU that a recipe can name: memory as the driver reports it, peak arithmetic from the data sheets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gpu:
    """One kind. `bf16_flops` and `fp32_flops` (on tensor cores, in TF32) are dense, per second.

    `efficiency` is the share of the peak that training a video transformer reaches, recomputation not counted as work.
    Those of A100, H100 and B200 follow from NVIDIA's published seconds per step of post-training Predict2-2B on 8 GPUs;
    the others are taken to be like their generation.

    Speeds are bytes per second in one direction, of each GPU, that collectives reach: `link` to its peers in the machine
    (NVLink, or PCIe where there is none), `network` to other machines (the adapters of NVIDIA's reference systems, or a
    tenth of them for cards that are seldom put together), `host` to the memory of the machine.
    """

    memory_bytes: int
    bf16_flops: float
    fp32_flops: float
    efficiency: float
    link_bytes_s: float
    network_bytes_s: float
    host_bytes_s: float


_MIB = 2**20
PCIE4, PCIE5 = 20e9, 40e9

GPUS: dict[str, Gpu] = {
    "a100-40gb": Gpu(40_960 * _MIB, 312e12, 156e12, 0.45, 240e9, 20e9, PCIE4),
    "a100-80gb": Gpu(81_920 * _MIB, 312e12, 156e12, 0.45, 240e9, 20e9, PCIE4),
    "h100-80gb": Gpu(81_559 * _MIB, 989e12, 494e12, 0.38, 360e9, 40e9, PCIE5),
    "h100-nvl-94gb": Gpu(95_830 * _MIB, 835e12, 417e12, 0.38, 240e9, 40e9, PCIE5),
    "h200-141gb": Gpu(143_771 * _MIB, 989e12, 494e12, 0.38, 360e9, 40e9, PCIE5),
    "b200-192gb": Gpu(183_359 * _MIB, 2_250e12, 1_100e12, 0.25, 720e9, 40e9, PCIE5),
    "l40s-48gb": Gpu(46_068 * _MIB, 362e12, 183e12, 0.35, PCIE4, 4e9, PCIE4),
    "rtx-4090-24gb": Gpu(24_564 * _MIB, 165e12, 82e12, 0.40, PCIE4 / 2, 1e9, PCIE4),
    "rtx-5090-32gb": Gpu(32_607 * _MIB, 209e12, 104e12, 0.40, PCIE5 / 2, 1e9, PCIE5),
}
