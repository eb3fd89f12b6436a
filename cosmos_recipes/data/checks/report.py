"""What a check found: a funnel, a count and a few examples for each rule, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from cosmos_recipes.data.checks.findings import Finding, Looks, Severity
from cosmos_recipes.data.checks.pictures import Decode
from cosmos_recipes.data.index.windows import ClipSpec
from cosmos_recipes.diagnostics import Place, Problem
from cosmos_recipes.diagnostics.codes import title

EXAMPLES = 5
NO_CLIP_LEFT = "CR507"


@dataclass(frozen=True, kw_only=True, slots=True)
class FunnelStage:
    """How many recordings came so far, and how many clips they give; None where that cannot be known."""

    name: str
    recordings: int
    clips: int | None
    meaning: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleReport:
    """What one rule found: how often, and at most five examples."""

    code: str
    rule: str
    severity: Severity
    looks_at: Looks
    count: int
    examples: tuple[Finding, ...]

    @property
    def title(self) -> str:
        """What the rule's code stands for."""
        return title(self.code)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The examples as problems, to be rendered as all others are."""
        return tuple(_problem(self.code, each) for each in self.examples)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckReport:
    """The outcome of a check. `rules` are those that looked, whether they found something or not."""

    dataset: str
    schema: str
    clip: ClipSpec
    decode: Decode
    funnel: tuple[FunnelStage, ...]
    rows: int
    decoded_frames: int
    rules: tuple[RuleReport, ...]
    seconds: dict[str, float]

    @property
    def broken(self) -> list[RuleReport]:
        """What was found, for people: one entry for each code, errors first."""
        found = [rule for rule in self.rules if rule.count]
        # That nothing is left follows from what stands before it.
        keys = sorted({(rule.severity, rule.code) for rule in found}, key=lambda key: (key[1] == NO_CLIP_LEFT, *key))
        return [_merged([rule for rule in found if (rule.severity, rule.code) == key]) for key in keys]

    def count(self, severity: Severity) -> int:
        """Return how many errors or warnings there are."""
        return sum(rule.count for rule in self.rules if rule.severity == severity)

    def fails(self, fail_on: Sequence[Severity]) -> bool:
        """Return whether there is anything of these severities."""
        return any(self.count(severity) for severity in fail_on)

    def as_data(self) -> dict[str, Any]:
        """Return the report as plain data; these keys stay as they are."""
        clip = self.clip
        return {
            "dataset": self.dataset,
            "schema": self.schema,
            "clip": {
                "frames": clip.frames,
                "rate_hz": clip.rate_hz,
                "height_px": clip.height_px,
                "width_px": clip.width_px,
            },
            "decode": self.decode,
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "funnel": [{"stage": s.name, "recordings": s.recordings, "clips": s.clips} for s in self.funnel],
            "rows": self.rows,
            "decoded_frames": self.decoded_frames,
            "rules": [_rule_data(rule) for rule in self.rules],
            "seconds": self.seconds,
        }


def _merged(rules: Sequence[RuleReport]) -> RuleReport:
    """Return rules of one code as one, with examples of each of them."""
    examples = [each for several in zip_longest(*(rule.examples for rule in rules)) for each in several if each]
    return replace(rules[0], count=sum(rule.count for rule in rules), examples=tuple(examples[:EXAMPLES]))


def _rule_data(rule: RuleReport) -> dict[str, Any]:
    fields = ("recording", "row", "file", "message", "expected", "found", "hint")
    return {
        "code": rule.code,
        "rule": rule.rule,
        "title": rule.title,
        "severity": rule.severity,
        "looks_at": rule.looks_at,
        "count": rule.count,
        "examples": [{field: getattr(each, field) for field in fields} for each in rule.examples],
    }


def _problem(code: str, finding: Finding) -> Problem:
    row = f" (row {finding.row})" if finding.row is not None else ""
    return Problem(
        code=code,
        message=finding.message + row,
        place=Place(file=finding.file) if finding.file else None,
        expected=finding.expected,
        found=finding.found,
        hint=finding.hint,
    )
