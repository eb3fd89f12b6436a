"""Rules about texts: captions that are missing, that say the file's name, or that all say the same.

Columns of texts are compared with Arrow, so that a million of them take a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cosmos_recipes.data.checks.facts import Facts
from cosmos_recipes.data.checks.findings import Finding

if TYPE_CHECKING:
    import pyarrow as pa

FEWEST = 3
_NO_WORD = r"[^\p{L}\p{N}]+"


def missing(facts: Facts) -> Iterator[Finding]:
    """Find recordings without a text that others have."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for column in _columns(facts):
        # What is wrong with a recording that cannot be read is told elsewhere.
        is_known = [each.is_readable for each in facts.known]
        is_blank = pc.and_(pc.equal(pc.utf8_trim_whitespace(_texts(facts, column)), ""), pa.array(is_known, pa.bool_()))
        if pc.all(is_blank).as_py():
            continue
        for number in pc.indices_nonzero(is_blank).to_pylist():
            yield facts.finding(
                number,
                f"the recording {{}} has no `{column}`",
                expected="a text, as other recordings have",
                found="nothing" if column not in facts.known[number].texts else "an empty text",
                hint="write one, or leave the recording out",
            )


def file_names(facts: Facts) -> Iterator[Finding]:
    """Find texts that only repeat the name of the recording or of its file."""
    import pyarrow.compute as pc

    stems = [each.file.rpartition("/")[2].rpartition(".")[0] for each in facts.known]
    names = [_words(texts) for texts in (stems, [each.name for each in facts.known])]
    for column in _columns(facts):
        texts = _texts(facts, column)
        words = _words(texts)
        is_name = pc.or_(pc.equal(words, names[0]), pc.equal(words, names[1]))
        for number in pc.indices_nonzero(pc.and_(is_name, pc.not_equal(words, ""))).to_pylist():
            yield facts.finding(
                number,
                f"the `{column}` of the recording {{}} is its name",
                expected="what can be seen in it, in English",
                found=texts[number].as_py(),
                hint="write what happens in the recording, or bind the column that says it",
            )


def all_the_same(facts: Facts) -> Iterator[Finding]:
    """Find a column in which every recording has the same text."""
    for column in _columns(facts):
        texts = _texts(facts, column)
        if len(texts) >= FEWEST and len(texts.unique()) == 1 and texts[0].as_py().strip():
            yield Finding(
                message=f"every recording has the same `{column}`",
                expected="texts that tell recordings apart",
                found=f"{len(texts)} times “{_short(texts[0].as_py())}”",
                hint="a head that reads this text learns nothing from it: use another head, or more tasks",
            )


def _columns(facts: Facts) -> list[str]:
    return list(dict.fromkeys(name for each in facts.known for name in each.texts))


def _texts(facts: Facts, column: str) -> pa.Array:
    return _array([each.texts.get(column, "") for each in facts.known])


def _array(texts: Sequence[str]) -> pa.Array:
    import pyarrow as pa

    return pa.array([_plain(text) for text in texts], pa.large_string())


def _plain(text: str) -> str:
    return text if text.isascii() else text.encode(errors="replace").decode()


def _words(texts: Sequence[str] | Any) -> Any:
    """Return texts in small letters with one space for whatever is neither a letter nor a digit."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = texts if isinstance(texts, pa.Array) else _array(texts)
    spaced = pc.replace_substring_regex(pc.utf8_lower(array), pattern=_NO_WORD, replacement=" ")
    return pc.utf8_trim_whitespace(spaced)


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
