"""What `cosmos-recipe show` says of a run, a package, or what is published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cosmos_recipes.compiler.plan import Plan
    from cosmos_recipes.run.references import Named

_MOST_FILES = 40


def lines_of(named: Named) -> Iterator[str]:
    """Yield what it is, its contract, plan, figures, lineage and files; no weights are read."""
    from cosmos_recipes.cli.compile_ import overview
    from cosmos_recipes.compiler.compile import read_plan
    from cosmos_recipes.evaluation.measured import read_metrics
    from cosmos_recipes.run.opening import read_lock

    yield named.pinned
    if not named.plan_file.is_file():
        yield "A model without a plan, such as one to start from."
        return
    plan, metrics = read_plan(named.plan_file), read_metrics(named.metrics_file)
    parts: tuple[tuple[str, Iterator[str]], ...] = (
        ("plan", iter(overview(plan))),
        ("contract", _contract(plan)),
        ("figures", _figures(metrics)),
        ("lineage", _lineage(plan, read_lock(named.folder), named)),
        ("files", _files(named)),
    )
    for title, lines in parts:
        yield from ("", title, *(f"  {line}" for line in lines))


def _contract(plan: Plan) -> Iterator[str]:
    clip, schema = plan.data.clip, plan.data.load_contract()
    yield f"{plan.data.schema_name}: {schema.summary}"
    yield f"given {clip.given_frames} frames of {clip.frames} at {clip.rate_hz:g} Hz, {clip.height_px}x{clip.width_px}"
    if clip.views:
        yield f"views {', '.join(clip.views)}"
    for name, kind in plan.data.columns.items():
        numbers = f", {plan.data.numbers[name]} numbers" if name in plan.data.numbers else ""
        normalised = f", normalised by {how}" if (how := plan.data.sets[0].normalise.get(name)) else ""
        yield f"{name:<12} {kind}{numbers}{normalised}"


def _figures(metrics: Mapping[str, Any]) -> Iterator[str]:
    from cosmos_recipes.cli.figures import rows_of, table

    if not metrics:
        yield "not measured yet"
        return
    yield f"{metrics['clips']} held-out clips, {metrics['steps']:,} steps"
    yield from (line.removeprefix("  ") for line in table(rows_of(metrics, {})))


def _lineage(plan: Plan, lock: Mapping[str, Any], named: Named) -> Iterator[str]:
    """Yield what it was made from, and how it is made again."""
    yield f"base     {plan.backbone.weights or 'none: from scratch'}, licence {plan.backbone.licence}"
    for own in plan.data.sets:
        revision = f"@{own.revision}" if own.revision else ""
        yield f"data     {own.name}{revision} ({own.source.get('kind')}), licence {own.licence}"
    if not lock:
        return
    data, code = lock.get("data") or {}, lock.get("code") or {}
    if data.get("sha256"):
        yield f"content  {data['sha256'][:12]}, {len(data.get('recordings') or {}) or 'many'} recordings"
    yield f"code     cosmos-recipes {code.get('version', 'unknown')}, {str(code.get('sha256'))[:12]}"
    yield f"run with torch {lock['packages'].get('torch')}, Python {lock['python']}"
    if lock.get("origin"):
        yield f"again    of {lock['origin']}"
    yield f"to run it again: cosmos-recipe run {named.pinned} --frozen"


def _files(named: Named) -> Iterator[str]:
    if named.published is None:
        yield str(named.folder)
        return
    sizes = {path: int(entry["size_bytes"]) for path, entry in named.published.files.items()}
    for path in sorted(sizes)[:_MOST_FILES]:
        yield f"{sizes[path] / 1e3:12,.1f} kB  {path}"
    yield f"{sum(sizes.values()) / 1e3:12,.1f} kB  in {len(sizes)} files"
