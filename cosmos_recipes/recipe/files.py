"""The text of a YAML file, if it is one: not a folder, a device, a video, another encoding, or 50 MB."""

from __future__ import annotations

import re
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail
from cosmos_recipes.diagnostics.secrets import secrets_in
from cosmos_recipes.diagnostics.words import HIDDEN

LARGEST_FILE_BYTES = 1_000_000

UNPRINTABLE = re.compile(rf"(?![\r\u200c\u200d])[{HIDDEN}]")
"""Characters that do not show; the two that join letters or keep them apart are part of how languages are written."""

_CONFLICT = re.compile(r"^(<{7}|>{7})(?= |$)", re.MULTILINE)
_LINE_END = re.compile(r"\r\n|\r|\n")


class Lines:
    """Turns an offset into a text into a line and a column, as editors count them."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.starts = [0, *(end.end() for end in _LINE_END.finditer(text))]
        self.ends = [*(end.start() for end in _LINE_END.finditer(text)), len(text)]

    def place(self, start: int, end: int) -> Place:
        """Return the place of the characters from `start` to `end`, as far as they are on one line."""
        from bisect import bisect_right

        line = bisect_right(self.starts, start) - 1
        length = min(end, self.ends[line]) - start
        return Place(file=self.file, line=line + 1, column=start - self.starts[line] + 1, length=max(1, length))


def read_text(path: Path) -> str:
    """Return what a YAML file holds, without its byte-order mark.

    Raises:
        RecipeError: there is no such file, it cannot be read, is too large, or is not text (CR100 to CR104).
    """
    return _decoded(path, _bytes(path))


def check_text(text: str, lines: Lines) -> None:
    """Refuse what YAML would take as text, and nobody means.

    Raises:
        RecipeError: characters that do not show (CR120), a merge-conflict marker (CR107), or a secret (CR127).
    """
    require_no_secret(text, lines.file)
    problems = [_unprintable(lines, found) for found in UNPRINTABLE.finditer(text)]
    if conflict := _CONFLICT.search(text):
        hint = "keep one of the two versions and delete the lines that begin with <<<<<<<, ======= and >>>>>>>"
        place, message = lines.place(conflict.start(), conflict.end()), "a merge conflict is left in the file"
        problems.append(Problem(code="CR107", message=message, place=place, found=conflict[0], hint=hint))
    if problems:
        raise RecipeError(*problems)


def require_no_secret(text: str, file: str) -> None:
    """Refuse a text with a token, key or password in it, without showing the line that it is on.

    Raises:
        RecipeError: for each, CR127.
    """
    found = [
        Problem(
            code="CR127",
            message=f"what looks like a secret is on line {text.count(chr(10), 0, start) + 1}",
            place=Place(file=file),
            expected="no token, password or key in a file that is shown, copied and shared",
            found=kind,
            hint="take it out, and make it invalid where it came from: it may have been seen",
        )
        for kind, start in secrets_in(text)
    ]
    if found:
        raise RecipeError(*found)


def _bytes(path: Path) -> bytes:
    place = Place(file=str(path))
    try:
        status = path.stat()
        if S_ISREG(status.st_mode) and status.st_size <= LARGEST_FILE_BYTES:
            with path.open("rb") as file:
                return file.read(LARGEST_FILE_BYTES + 1)
    except FileNotFoundError:
        hint = "check the path; it is relative to the working directory"
        fail("CR100", "there is no such file", place=place, expected="the path of a file that exists", hint=hint)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        hint = "check its permissions, and those of the folders above it"
        fail("CR102", f"the file cannot be read: {reason}", place=place, expected="a file that you may read", hint=hint)
    if S_ISREG(status.st_mode):
        size, hint = f"{status.st_size / 1e6:,.1f} MB", "was a data file named by mistake?"
        fail(
            "CR103", "the file is too large", place=place, expected="a YAML file of at most 1 MB", found=size, hint=hint
        )
    kind = "a folder" if S_ISDIR(status.st_mode) else "a device or a pipe"
    return fail(
        "CR101", "this is not a file", place=place, expected="a YAML file", found=kind, hint="name a .yaml file"
    )


def _decoded(path: Path, raw: bytes) -> str:
    place = Place(file=str(path))
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        fail(
            "CR104",
            "the file is not text in UTF-8",
            place=place,
            expected="UTF-8",
            found="UTF-16",
            hint="save it as UTF-8 in your editor, or use iconv -f UTF-16 -t UTF-8",
        )
    if b"\0" in raw:
        fail(
            "CR104",
            "the file is not text",
            place=place,
            expected="a YAML file",
            found="a binary file",
            hint="was a video, an archive or a checkpoint named by mistake?",
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig", errors="replace")
        at = Lines(str(path), before).place(len(before), len(before))
        fail(
            "CR104",
            "the file is not text in UTF-8",
            place=at,
            expected="UTF-8",
            found=f"the byte 0x{raw[error.start]:02x}",
            hint="save it as UTF-8 in your editor",
        )


def _unprintable(lines: Lines, found: re.Match[str]) -> Problem:
    place = lines.place(found.start(), found.end())
    name = f"the character U+{ord(found[0]):04X}"
    return Problem(
        code="CR120",
        message="this character does not show",
        place=place,
        expected="plain text",
        found=name,
        hint="delete it; it is shown here as an escape",
    )
