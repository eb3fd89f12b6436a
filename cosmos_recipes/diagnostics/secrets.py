"""What tokens, keys and passwords look like."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ALONE = r"(?<![A-Za-z0-9])"
PATTERNS = {
    "token of Hugging Face": rf"{_ALONE}hf_[A-Za-z0-9]{{16,}}",
    "key of NVIDIA": rf"{_ALONE}nvapi-[\w-]{{16,}}",
    "token of GitHub": rf"{_ALONE}(?:gh[pousr]_[A-Za-z0-9]{{16,}}|github_pat_\w{{16,}})",
    "token of GitLab": rf"{_ALONE}glpat-[\w-]{{16,}}",
    "key of AWS": rf"{_ALONE}(?:AKIA|ASIA)[A-Z0-9]{{12,}}",
    "key of Google": rf"{_ALONE}AIza[\w-]{{35}}",
    "key of OpenAI or Anthropic": rf"{_ALONE}sk-[\w-]{{16,}}",
    "token of Slack": rf"{_ALONE}xox[abprs]-[A-Za-z0-9-]{{16,}}",
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "password in an address": r"[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,64}:[^\s/:@]{3,}@",
}
_SECRET = re.compile("|".join(f"({pattern})" for pattern in PATTERNS.values()), re.ASCII)


def secrets_in(text: str) -> Iterator[tuple[str, int]]:
    """Yield the kind of each secret in a text, and where it begins."""
    for found in _SECRET.finditer(text):
        yield list(PATTERNS)[(found.lastindex or 1) - 1], found.start()
