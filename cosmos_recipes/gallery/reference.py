"""The reference: every field of our files, and every error code, as data for the pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from cosmos_recipes.diagnostics.codes import codes

_SUBJECTS = {
    "1": "the language",
    "2": "names",
    "3": "what fits what",
    "4": "the machine",
    "5": "the data",
    "6": "training and running",
    "7": "publishing",
    "8": "the gate",
}


@dataclass(frozen=True, kw_only=True)
class Code:
    """An error code: its title, and its explanation as paragraphs, each text or, where `True`, an example."""

    code: str
    title: str
    parts: Sequence[tuple[bool, str]]


@dataclass(frozen=True, kw_only=True)
class CodeGroup:
    """The codes with the same first digit."""

    name: str
    subject: str
    codes: Sequence[Code]


def code_groups() -> Iterator[CodeGroup]:
    """Yield all codes, by what they are about."""
    for digit, names in groupby(sorted(codes()), key=lambda name: name[2]):
        yield CodeGroup(
            name=f"CR{digit}xx",
            subject=_SUBJECTS.get(digit, "others"),
            codes=[
                Code(code=name, title=codes()[name]["title"], parts=list(parts(codes()[name]["explanation"])))
                for name in names
            ],
        )


def parts(explanation: str) -> Iterator[tuple[bool, str]]:
    """Yield the paragraphs of an explanation; lines that are indented are an example of their own."""
    for is_example, lines in groupby(explanation.strip().splitlines(), key=lambda line: line.startswith("    ")):
        if is_example:
            yield True, "\n".join(line[4:] for line in lines)
        else:
            text = "\n".join(lines).strip()
            yield from ((False, " ".join(paragraph.split())) for paragraph in text.split("\n\n") if paragraph.strip())
