"""A report as text, JSON, Markdown or one HTML file that loads nothing from anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from cosmos_recipes.data.checks.findings import Finding, Severity
from cosmos_recipes.data.checks.report import CheckReport, RuleReport
from cosmos_recipes.diagnostics.render import text_of
from cosmos_recipes.diagnostics.words import on_page, visible

Format = Literal["text", "json", "html", "markdown"]


def render_report(report: CheckReport, form: Format, *, colour: bool = False) -> str:
    """Return the report in one of its forms, with a line end at its end."""
    match form:
        case "text":
            return _text(report, colour)
        case "json":
            return json.dumps(report.as_data(), indent=2) + "\n"
        case "markdown":
            return _markdown(report)
        case "html":
            return _html(report)


def verdict(report: CheckReport) -> str:
    """Return the outcome in a sentence."""
    errors, warnings = report.count("error"), report.count("warning")
    if not errors and not warnings:
        return f"Nothing is wrong: {len(report.rules)} rules looked at every recording."
    told = [_counted(count, word) for count, word in ((errors, "error"), (warnings, "warning")) if count]
    return f"{' and '.join(told)} in {_counted(report.funnel[0].recordings, 'recording')}."


def looked_at(report: CheckReport) -> str:
    """Return what was looked at, and through which window."""
    clip = report.clip
    pictures = {
        "none": "no frame decoded",
        "sample": f"{report.decoded_frames:,} frames decoded, a sample of each recording",
        "all": f"all {report.decoded_frames:,} frames decoded",
    }[report.decode]
    window = f"clips of {clip.frames} frames at {clip.rate_hz:g} Hz, {clip.height_px}x{clip.width_px}"
    return f"{_counted(report.rows, 'row')}, {pictures}; {window}"


def _text(report: CheckReport, colour: bool) -> str:
    bold, plain = ("\033[1m", "\033[0m") if colour else ("", "")
    lines = [f"{bold}{report.dataset}{plain} ({report.schema}): {looked_at(report)}", ""]
    for stage in report.funnel:
        clips = "" if stage.clips is None else f"{_counted(stage.clips, 'clip')}"
        lines.append(f"  {stage.name:<12}{_counted(stage.recordings, 'recording'):<18}{clips:<14}{stage.meaning}")
    for rule in report.broken:
        lines += ["", f"{bold}{_heading(rule)}{plain}", ""]
        lines += [text_of(problem, colour).rstrip() for problem in rule.problems]
    lines += ["", verdict(report)]
    if report.broken:
        lines.append(f"`cosmos-recipe explain {report.broken[0].code}` says what a code means.")
    return "\n".join(lines) + "\n"


def _heading(rule: RuleReport) -> str:
    more = f", of which these are {len(rule.examples)}" if rule.count > len(rule.examples) else ""
    return f"{rule.code} {rule.title}: {_counted(rule.count, rule.severity)}{more}"


def _markdown(report: CheckReport) -> str:
    lines = [f"# {_cell(report.dataset)}: data check", "", f"**{verdict(report)}** {_cell(looked_at(report))}.", ""]
    lines += ["| stage | recordings | clips | |", "| --- | ---: | ---: | --- |"]
    for stage in report.funnel:
        clips = "" if stage.clips is None else stage.clips
        lines.append(f"| {stage.name} | {stage.recordings} | {clips} | {stage.meaning} |")
    if report.broken:
        lines += ["", "| code | what is wrong | severity | count |", "| --- | --- | --- | ---: |"]
    lines += [f"| {rule.code} | {_cell(rule.title)} | {rule.severity} | {rule.count} |" for rule in report.broken]
    for rule in report.broken:
        lines += ["", f"## {_cell(_heading(rule))}", ""]
        lines += ["| what | row | expected | found | to mend it |", "| --- | ---: | --- | --- | --- |"]
        lines += [_markdown_row(example) for example in rule.examples]
    return "\n".join(lines) + "\n"


def _markdown_row(example: Finding) -> str:
    row = "" if example.row is None else str(example.row)
    return f"| {_cell(example.message)} | {row} | {_cell(example.expected)} | {_cell(example.found)} | {_cell(example.hint)} |"


def _cell(text: str) -> str:
    return visible(text).replace("|", "\\|").replace("<", "&lt;")


def _html(report: CheckReport) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=on_page,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    most = max(1, report.funnel[0].recordings)
    severities: dict[Severity, str] = {"error": "errors", "warning": "warnings"}
    return environment.get_template("report.html.j2").render(
        report=report,
        verdict=verdict(report),
        looked_at=looked_at(report),
        counts={word: report.count(severity) for severity, word in severities.items()},
        shares=[100 * stage.recordings / most for stage in report.funnel],
        quiet=[rule for rule in report.rules if not rule.count],
    )


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("" if count == 1 else "s")
