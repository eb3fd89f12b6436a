"""Tar shards: which there are, and where in each its members lie; no member is read."""

from __future__ import annotations

import glob
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, Self

from cosmos_recipes.data.sources.base import Progress
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.files import whole

SCAN = "shards.json"
MOST_PATTERNS = 20_000
_MOST_BRACES = 8
_BLOCK_BYTES = 512
_TOLD = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_LONGEST_NAME_BYTES = 1_000_000
_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "Zstandard"}
_TAR = re.compile(r"\.(tar|tgz|tar\.(gz|bz2|xz|zst))$")
_BRACES = re.compile(r"\{([^{}]*)\}")
_SPAN = re.compile(r"(\d{1,12})\.\.(\d{1,12})", re.ASCII)
_PATTERN = re.compile(r"[*?\[{]")


class Member(NamedTuple):
    """A file in a shard: its bytes lie from `offset_bytes` on."""

    name: str
    offset_bytes: int
    size_bytes: int


class _Header(tarfile.TarInfo):
    """The header of a member, of which the library reads a long name, or what pax says, at once and whole."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Return a header; raises InvalidHeaderError for a name that is longer than any."""
        header = super().frombuf(buf, encoding, errors)
        if header.type in _TOLD and header.size > _LONGEST_NAME_BYTES:
            raise tarfile.HeaderError(f"a name of {header.size} bytes")
        return header


def find_shards(path: str) -> dict[str, Path]:
    """Return the shards of a tar, of a folder, or of a pattern with `*` and `{000000..000003}`, by name without `.tar`.

    Raises:
        RecipeError: there is none, or one that a pattern in braces names is not there (CR550).
    """
    if Path(path).is_dir():
        root, found = Path(path), sorted(at for at in Path(path).rglob("*") if is_shard(at))
    else:
        root, found = _fixed_part(path), [shard for one in _expanded_few(path) for shard in _matching(one)]
    if not found:
        _fail_shards(path)
    return {_TAR.sub("", shard.relative_to(root).as_posix()): shard for shard in found}


def scan(shards: Mapping[str, Path], folder: Path | None, progress: Progress) -> dict[str, list[Member]]:
    """Return the members of each shard; those of shards that did not change are taken from what `folder` keeps.

    Raises:
        RecipeError: a shard is compressed (CR551) or damaged (CR552).
    """
    kept = folder / SCAN if folder else None
    known = json.loads(kept.read_text(encoding="utf-8")) if kept and kept.exists() else {}
    told: dict[str, dict[str, Any]] = {}
    for done, (name, path) in enumerate(shards.items(), 1):
        at = path.stat()
        state = [at.st_size, at.st_mtime_ns]
        same = name in known and known[name]["state"] == state
        told[name] = known[name] if same else {"state": state, "members": members(path)}
        progress("scanning the shards", done, len(shards))
    if kept and told != known:
        with whole(kept) as part:
            part.write_text(json.dumps(told), encoding="utf-8")
    return {name: [Member(*row) for row in each["members"]] for name, each in told.items()}


def members(shard: Path) -> list[Member]:
    """Return the files in a shard in their order, from its headers; raises RecipeError (CR551, CR552)."""
    _require_plain(shard)
    try:
        with tarfile.open(shard, "r:", tarinfo=_Header) as tar:
            found = [Member(each.name, each.offset_data, each.size) for each in tar if each.isreg()]
            end_bytes = tar.offset
    except (tarfile.TarError, OSError) as error:
        _fail_damaged(shard, str(error))
    # tarfile takes a header that it cannot read for the end.
    with shard.open("rb") as file:
        file.seek(end_bytes)
        if file.read(_BLOCK_BYTES) != bytes(_BLOCK_BYTES):
            _fail_damaged(shard, f"no end of the archive after {len(found)} files")
    return found


def is_shard(path: Path) -> bool:
    """Return whether a path is that of a tar, compressed or not."""
    return bool(_TAR.search(path.name)) and path.is_file()


def first_members(shard: Path, count: int) -> list[str]:
    """Return the names of the first files in a shard, of a compressed one too; none if it is damaged."""
    try:
        with tarfile.open(shard, "r:*", tarinfo=_Header) as tar:
            return [each.name for each in islice(tar, count)]
    except (tarfile.TarError, OSError, EOFError, ValueError, ImportError):
        return []


def _fixed_part(path: str) -> Path:
    parts = Path(path).parts
    first = next((place for place, part in enumerate(parts) if _PATTERN.search(part)), len(parts) - 1)
    return Path(*parts[:first])


def _expanded_few(pattern: str) -> Iterator[str]:
    for number, each in enumerate(_expanded(pattern)):
        if number == MOST_PATTERNS:
            fail(
                "CR126",
                "the pattern stands for too many names",
                place=Place(file=pattern),
                expected=f"at most {MOST_PATTERNS:,} of them",
                hint="name the folder that the shards are in, or use *",
            )
        yield each


def _expanded(pattern: str, depth: int = 0) -> Iterator[str]:
    found = _BRACES.search(pattern)
    if found is None or depth == _MOST_BRACES:
        yield pattern
        return
    span = _SPAN.fullmatch(found[1])
    numbers = range(int(span[1]), int(span[2]) + 1) if span else ()
    choices = (f"{number:0{len(span[1])}d}" for number in numbers) if span else found[1].split(",")
    for choice in choices:
        yield from _expanded(f"{pattern[: found.start()]}{choice}{pattern[found.end() :]}", depth + 1)


def _matching(pattern: str) -> list[Path]:
    if _PATTERN.search(pattern):
        return [Path(each) for each in sorted(glob.glob(pattern, recursive=True))]
    if not Path(pattern).is_file():
        _fail_shards(pattern)
    return [Path(pattern)]


def _require_plain(shard: Path) -> None:
    with shard.open("rb") as file:
        start = file.read(6)
    kind = next((kind for magic, kind in _COMPRESSED.items() if start.startswith(magic)), None)
    if kind:
        fail(
            "CR551",
            f"the shard {shard.name} is compressed",
            place=Place(file=str(shard)),
            expected="a plain .tar, in which a video can be read where it lies",
            found=kind,
            hint="unpack it to a .tar; videos hardly get smaller by it",
        )


def _fail_shards(path: str) -> NoReturn:
    fail(
        "CR550",
        f"there are no shards at {Path(path).name}",
        place=Place(file=path),
        expected="a .tar, a folder of them, or a pattern such as shards-{000000..000003}.tar",
        found="nothing",
        hint="check its spelling",
    )


def _fail_damaged(shard: Path, found: str) -> NoReturn:
    fail(
        "CR552",
        f"the shard {shard.name} is damaged",
        place=Place(file=str(shard)),
        expected="a whole tar archive",
        found=found,
        hint="copy it again, or remove it",
    )
