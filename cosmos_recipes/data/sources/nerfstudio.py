"""Scenes of pictures with a transforms.json each, as nerfstudio, instant-ngp and DL3DV write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from cosmos_recipes.data.recording import Split
from cosmos_recipes.data.sources.base import Meaning, Media, Progress, Recording, Source, SourceDescription
from cosmos_recipes.data.sources.listed import MISSING, MOST_LOOKED_AT, fail_layout
from cosmos_recipes.data.sources.pictures import CODEC, PICTURE_SUFFIXES, write_pictures
from cosmos_recipes.data.sources.splits import split_said
from cosmos_recipes.data.sources.stamps import stamp
from cosmos_recipes.data.sources.transforms import TRANSFORMS, Scene, read_scene, scene_values
from cosmos_recipes.diagnostics import Place, Problem, RecipeError
from cosmos_recipes.recipe.quantities import Rate

_MOST_NAMED = 5


class NerfstudioSource(Source):
    """Scenes whose pictures become one lossless video each, at a rate that is declared as pictures have no times."""

    looks_for: ClassVar[str] = f"a {TRANSFORMS} with pictures, here or in folders"
    guessed: ClassVar[Mapping[str, str]] = {"rate": "a guess, as pictures have no times"}

    path: str = Field(description=f"A folder of scenes, each with a {TRANSFORMS}, or one scene; relative to this file.")
    rate: Rate = Field(description="Pictures per second that the video of a scene is said to have.")
    order: Literal["file", "name"] = Field(
        "file", description="Order of the frames: as the file lists them, or by the names of the pictures."
    )
    images: str | None = Field(
        None, description="Folder of a scene that has its pictures, such as `images_4`; else where the file says."
    )
    on_missing: Literal["error", "drop"] = Field(
        "error", description="What is done with frames whose picture is missing: `error` stops, `drop` leaves them out."
    )

    def fingerprint(self) -> str:
        """Return a hash of the names, sizes and times of the scenes' files and pictures."""
        root = Path(self.path)
        looked = PICTURE_SUFFIXES | {".json"}
        found = (path for path in root.rglob("*") if path.suffix.lower() in looked)
        return stamp({path.relative_to(root).as_posix(): path for path in found})

    def describe(self) -> SourceDescription:
        """Return codec and count; at most 64 scenes are read, and what is missing in those is named."""
        files = list(self._scenes().values())
        looked = [self._read(file) for file in files[:: -(-len(files) // MOST_LOOKED_AT)]]
        problems = self._settled(looked)
        return SourceDescription(
            codecs={CODEC: len(files)}, recordings=len(files), rate_hz=self.rate, problems=tuple(problems)
        )

    def recordings(self, folder: Path, progress: Progress) -> Sequence[Recording]:
        """Write the video of each scene that has none yet, then list it; pictures that are missing are dropped or told."""
        scenes = {name: self._read(file) for name, file in self._scenes().items()}
        self._settled([*scenes.values()])
        kept = {name: scene.without_missing() for name, scene in scenes.items()}
        total = sum(len(scene.pictures) for scene in kept.values())
        before, found = 0, list[Recording]()
        splits = _splits(kept)
        for name, scene in kept.items():
            video = folder / f"{name}.{self._made_of(scene)}.mkv"
            _write(video, scene, self.rate, progress, before, total)
            before += len(scene.pictures)
            found.append(_recording(name, splits[name], video, scene))
        return found

    def first(self, count: int) -> Sequence[Recording]:
        """Return the first recordings, without writing their videos."""
        scenes = {name: self._read(file) for name, file in [*self._scenes().items()][:count]}
        kept = {name: scene.without_missing() for name, scene in scenes.items()}
        return [_recording(name, None, scene.pictures[0], scene) for name, scene in kept.items() if scene.pictures]

    def meanings(self) -> Mapping[str, Meaning]:
        """Return the conventions of the format: camera to world in OpenGL's axes, intrinsics in pixels."""
        return {"pose": Meaning(pose="nerfstudio"), "intrinsics": Meaning(intrinsics="nerfstudio")}

    @classmethod
    def recognises(cls, path: Path) -> dict[str, Any] | None:
        """Recognise a scene or a folder of them; their rate and a folder of smaller pictures are guessed."""
        scene = next((at.parent for at in _found(path)), None)
        if scene is None:
            return None
        said = {"path": str(path if path.is_dir() else path.parent), "rate": "10 Hz"}
        if not read_scene(scene / TRANSFORMS, order="file", images=None).without_missing().pictures:
            smaller = sorted(at.name for at in scene.glob("images_*") if at.is_dir())
            said |= {"images": smaller[0]} if smaller else {}
        return said

    def _scenes(self) -> dict[str, Path]:
        """Return the file of each scene by its folder's place."""
        root = Path(self.path)
        found = {at.parent.relative_to(root).as_posix(): at for at in _found(root)}
        if not found:
            fail_layout(
                "there is no scene", root, expected=f"a {TRANSFORMS}, here or in folders", hint="check its spelling"
            )
        return {root.name if name == "." else name: at for name, at in found.items()}

    def _read(self, file: Path) -> Scene:
        return read_scene(file, order=self.order, images=self.images)

    def _settled(self, scenes: Sequence[Scene]) -> list[Problem]:
        """Return what is missing, if it may be; raises RecipeError if not, or if a scene has no pictures at all."""
        problems = [problem for scene in scenes for problem in _missing(scene)]
        empty = [problem for scene in scenes if not scene.without_missing().pictures for problem in _missing(scene)]
        told = problems if self.on_missing == "error" else empty
        if told:
            raise RecipeError(*told)
        return problems

    def _made_of(self, scene: Scene) -> str:
        """Return a few letters that change with the pictures, their order and their rate."""
        pictures = {f"{number:08d} {self.rate!r}": path for number, path in enumerate(scene.pictures)}
        return stamp(pictures | {f"{path}": path for path in scene.pictures})[:12]


def _found(path: Path) -> Iterator[Path]:
    if path.is_file() and path.name == TRANSFORMS:
        yield path
    elif path.is_dir():
        yield from sorted(path.rglob(TRANSFORMS))


def _splits(names: Mapping[str, Scene]) -> dict[str, Split | None]:
    said = {name: split_said(Path(name).parts[0]) for name in names}
    return said if {"train", "held-out"} <= {*said.values()} else dict.fromkeys(names)


def _write(video: Path, scene: Scene, rate_hz: float, progress: Progress, before: int, total: int) -> None:
    if not video.exists():
        write_pictures(
            video,
            scene.pictures,
            rate_hz=rate_hz,
            done=lambda number: progress("writing pictures as videos", before + number, total),
        )


def _recording(name: str, split: Split | None, video: Path, scene: Scene) -> Recording:
    return Recording(name=name, split=split, views={"video": Media(path=video)}, values=scene_values(scene))


def _missing(scene: Scene) -> list[Problem]:
    missing = scene.missing
    if not missing:
        return []
    more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    return [
        Problem(
            code=MISSING,
            message=f"{len(missing)} of {len(scene.pictures)} pictures of the scene {scene.file.parent.name} are not there",
            place=Place(file=str(scene.file)),
            expected=f"files such as {scene.pictures[0]}",
            found=f"no {', '.join(missing[:_MOST_NAMED])}{more}",
            hint="put them there, name their folder with `images`, or leave them out with `on_missing: drop`",
        )
    ]
