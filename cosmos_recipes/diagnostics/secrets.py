"""What tokens, keys and passwords look like: the one table that recipes are read with and packages are searched with."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ALONE = r"(?<![A-Za-z0-9])"
PATTERNS = {
    "Hugging Face token": (rf"{_ALONE}hf_[A-Za-z0-9]{{16,}}", ("hf_",)),
    "AWS access key": (rf"{_ALONE}(?:AKIA|ASIA)[A-Z0-9]{{12,}}", ("akia", "asia")),
    "AWS secret key": (
        r"(?i:aws_secret_access_key|aws_session_token)[\"']?\s{0,4}[=:]\s{0,4}[\"']?[A-Za-z0-9/+]{40,}",
        ("aws_se",),
    ),
    "GitHub token": (
        rf"{_ALONE}(?:gh[pousr]_[A-Za-z0-9]{{16,}}|github_pat_\w{{16,}})",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    "GitLab token": (rf"{_ALONE}glpat-[\w-]{{16,}}", ("glpat-",)),
    "Google key": (rf"{_ALONE}AIza[\w-]{{35}}", ("aiza",)),
    "NVIDIA key": (rf"{_ALONE}nvapi-[\w-]{{16,}}", ("nvapi-",)),
    "OpenAI or Anthropic key": (rf"{_ALONE}sk-[\w-]{{16,}}", ("sk-",)),
    "Slack token": (rf"{_ALONE}xox[abprs]-[A-Za-z0-9-]{{16,}}", ("xox",)),
    # The older keys are 40 hex digits, as is every commit: only the name beside one tells.
    "Weights & Biases key": (
        rf"{_ALONE}wandb_v\d+_\w{{40,}}|(?i:wandb)[^\n]{{0,60}}?[\"'\s=:][0-9a-f]{{40}}(?![0-9A-Za-z])",
        ("wandb",),
    ),
    "private key": (r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----", ("private key-----",)),
    "password in an address": (r"[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{1,64}:[^\s/:@]{3,}@", ("://",)),
}
"""By kind: its pattern, and what is in every one of them in small letters, which is looked for first as that is fast."""
_PATTERNS = {kind: re.compile(pattern, re.ASCII) for kind, (pattern, _) in PATTERNS.items()}
_BYTES = {kind: re.compile(pattern.encode()) for kind, (pattern, _) in PATTERNS.items()}
_MARKS = {kind: [mark.encode() for mark in marks] for kind, (_, marks) in PATTERNS.items()}


def secrets_in(text: str) -> Iterator[tuple[str, int]]:
    """Yield the kind of each secret in a text, and where it begins."""
    for kind, pattern in _PATTERNS.items():
        yield from ((kind, found.start()) for found in pattern.finditer(text))


def secrets_in_bytes(content: bytes) -> Iterator[tuple[str, re.Match[bytes]]]:
    """Yield the kind of each secret in a piece of a file, and the match."""
    small = content.lower()
    for kind, pattern in _BYTES.items():
        if any(mark in small for mark in _MARKS[kind]):
            yield from ((kind, match) for match in pattern.finditer(content))
