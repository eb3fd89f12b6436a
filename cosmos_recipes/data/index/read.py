"""Reading an index: clips by number, recordings by number, neither of them loaded.

Legend: V views, T frames of a clip.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.data.index.tables import CHUNK, SPLITS, chunks_of, media_of, open_table, shapes_of
from cosmos_recipes.data.recording import Split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cosmos_recipes.data.decode.frames import View

_OWN = ("recording", "part", "split", "frames_VT")


class ClipIndex:
    """The clips of a prepared folder, by number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recordings, self.clips = open_table(folder / "recordings.arrow"), open_table(folder / "clips.arrow")
        self.texts = tuple(name for name in self.recordings.column_names if name not in ("name", "split"))
        self.columns = tuple(name for name in self.clips.column_names if name not in _OWN)

    def __len__(self) -> int:
        return int(self.clips.num_rows)

    def ids(self, split: Split) -> NDArray[np.int64]:
        """Return the numbers of the clips of a split."""
        import numpy as np

        return np.flatnonzero(self._joined("split") == SPLITS.index(split))

    @cached_property
    def part_of(self) -> NDArray[np.int16]:
        """Number of the data set of each clip in a mixture; 0 where there is one."""
        return self._joined("part")

    def row(self, clip: int) -> dict[str, Any]:
        """Return a clip's recording (number and name), texts, and `frames` of the first view; the rest are arrays.

        `frames_VT` are the frame numbers of every view; columns of numbers are float32, canonical, and not to be written to.
        """
        chunk, place = divmod(int(clip), CHUNK)
        row: dict[str, Any] = {name: chunks[chunk][place] for name, chunks in self._arrays.items()}
        number = int(self.recording_of[int(clip)])
        row["part"] = int(self.part_of[int(clip)])
        row |= {name: self.recordings[name][number].as_py() for name in ("name", *self.texts)}
        return {**row, "recording": number, "frames": row["frames_VT"][0].tolist()}

    @cached_property
    def recording_of(self) -> NDArray[np.int32]:
        """Number of the recording of each clip."""
        return self._joined("recording")

    def name(self, recording: int) -> str:
        """Return a recording's name."""
        return str(self.recordings["name"][int(recording)].as_py())

    @cached_property
    def view_names(self) -> tuple[str, ...]:
        """Names of the views, in order."""
        return tuple(self._views["view"].slice(0, self._views_each).to_pylist())

    def views(self, recording: int) -> dict[str, View]:
        """Return where the frames of each view of a recording are, and what the probe found there."""
        from cosmos_recipes.data.decode.frames import View

        each = self._views_each
        rows = self._views.slice(int(recording) * each, each).to_pylist()
        found = {row["view"]: media_of(row, self.folder) for row in rows}
        return {name: View(media=media, probe=probe) for name, (media, probe) in found.items()}

    def column(self, name: str) -> list[NDArray[np.float32]]:
        """Return a column of numbers of all clips, as arrays of many clips each, in order."""
        return self._arrays[name]

    @cached_property
    def _arrays(self) -> dict[str, list[NDArray[Any]]]:
        return {name: chunks_of(self.clips, name) for name in ("frames_VT", *self.columns)}

    @cached_property
    def _views(self) -> Any:
        return open_table(self.folder / "views.arrow")

    @cached_property
    def _views_each(self) -> int:
        return shapes_of(self.clips)["frames_VT"][0]

    def _joined(self, name: str) -> NDArray[Any]:
        import numpy as np

        chunks = chunks_of(self.clips, name)
        return np.concatenate(chunks) if chunks else np.empty(0, np.int32)
