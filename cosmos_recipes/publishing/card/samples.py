"""The sample videos of a card: truth beside prediction, with words for who does not see them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.publishing.card.told import Told

MOST = 4
"""Videos that play in the page; the others are linked."""
_SIDE_BY_SIDE = re.compile(r"samples/clip_(\d+)_side_by_side\.mp4")


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A video: its path in the package, its address on the Hub if it will be there, a title, and what can be seen.

    `caption` is what the data says of it, which the model may have been told.
    """

    path: str
    address: str
    title: str
    words: str
    caption: str = ""
    is_told: bool = True


def samples(plan: Plan, told: Told) -> list[Sample]:
    """Return the videos with truth, prediction and copy side by side, or where there are none, all that there are."""
    sides = [path for path in told.files if _SIDE_BY_SIDE.fullmatch(path)]
    paths = sides or [path for path in told.files if path.startswith("samples/") and path.endswith(".mp4")]
    return [_sample(path, plan, told) for path in paths]


def _sample(path: str, plan: Plan, told: Told) -> Sample:
    clip, match = plan.data.clip, _SIDE_BY_SIDE.fullmatch(path)
    captions = told.clips.get("captions") or []
    number = int(match[1]) if match else len(captions)
    given = "the given frame is" if clip.given_frames == 1 else f"the {clip.given_frames} given frames are"
    words = (
        f"Held-out clip, {clip.frames / clip.rate_hz:g} s. From left to right: the true video, what the model predicts, and the "
        f"last given frame repeated; {given} the same in all three."
    )
    return Sample(
        path=path,
        address=""
        if plan.publish.repo == "local"
        else f"https://huggingface.co/{plan.publish.repo}/resolve/main/{path}",
        title=f"Clip {number + 1}" if match else PurePosixPath(path).stem.replace("_", " "),
        words=words if match else f"Held-out clip: {PurePosixPath(path).stem.replace('_', ' ')}.",
        caption=str(captions[number]) if number < len(captions) else "",
        is_told=head(plan.conditioning.head).takes("caption"),
    )
