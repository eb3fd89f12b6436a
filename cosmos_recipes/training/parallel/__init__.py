"""How processes share the work of a training.

`mesh` says which process does what, `weights` splits weights, `tensor` the matrices of blocks and
`backbones.peers` the tokens of a clip; `strategy` is Lightning's way to all of it, and `store` writes and reads
checkpoints that fit any number of processes.
"""

from cosmos_recipes.training.parallel.processes import gather, total

__all__ = ["gather", "total"]
