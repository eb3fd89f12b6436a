"""If these break, a report runs a stranger's script, calls home, or shows less than was measured."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import av
import pytest

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.evaluation.adherence import Ratio
from cosmos_recipes.evaluation.chart import Scale, Series, interval_chart, line_chart, smooth, thin
from cosmos_recipes.evaluation.evaluate import EvaluationSettings, HeldOut, evaluate
from cosmos_recipes.evaluation.report import LogLine, render_report, write_report
from cosmos_recipes.evaluation.samples import write_samples
from cosmos_recipes.training.world_model import WorldModel

ATTACK = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
LOG: list[dict[str, Any]] = [
    {"event": "prepare"},
    *(
        {"step": step, "loss": 2.0 / step, "heldout_loss": 2.5 / step if step % 20 == 0 else None}
        for step in range(10, 100, 10)
    ),
]


class Tags(HTMLParser):
    """The tags of a page, each with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def page(model_of: Callable[[str], WorldModel], held_out: HeldOut) -> Callable[..., str]:
    def render(plan: Plan, *, caption: str | None = None, log: Sequence[LogLine] = LOG) -> str:
        head = plan.conditioning.head
        rows = [
            row | ({"caption": f"{caption} {number}"} if caption else {}) for number, row in enumerate(held_out.rows)
        ]
        settings = EvaluationSettings.from_plan(plan)
        evaluation = evaluate(model_of(head), HeldOut(rows=rows, read=held_out.read), settings)
        metrics = evaluation.metrics(steps=700, train_seconds=171.0)
        return render_report(
            evaluation=evaluation, metrics=metrics, plan=plan, recipe_text=f"recipe: toy # {caption}", log=log
        )

    return render


def test_no_text_of_a_user_becomes_markup(page: Callable[..., str], plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(head="text", summary=ATTACK, origins={"train.steps": ATTACK})
    tags = Tags(page(plan, caption=ATTACK))
    assert len(tags.all("script")) == 1
    assert all(image["src"] and image["src"].startswith("data:image/png") for image in tags.all("img"))
    assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]


def test_the_page_loads_nothing_and_may_not(page: Callable[..., str], plan_of: Callable[..., Plan]) -> None:
    html = page(plan_of(head="text"))
    tags = Tags(html)
    links = [attributes[name] for _, attributes in tags.found for name in ("src", "href") if attributes.get(name)]
    assert links
    assert all(link is not None and link.startswith("data:") for link in links)
    assert "http:" not in html
    assert "https:" not in html
    assert "url(" not in html
    (policy,) = [
        meta["content"] or "" for meta in tags.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'")
    assert "script-src 'sha256-" in policy


def test_every_sample_has_its_videos_and_they_play(
    page: Callable[..., str], plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    without, with_control = Tags(page(plan_of())).all("video"), Tags(page(plan_of(head="text"))).all("video")
    assert (len(without), len(with_control)) == (2 * 3, 2 * 3 + 2 * 3)
    for video in without:
        assert {"autoplay", "loop", "muted", "playsinline"} <= set(video)
        content = base64.b64decode((video["src"] or "").partition(",")[2])
        (tmp_path / "clip.mp4").write_bytes(content)
        with av.open(str(tmp_path / "clip.mp4")) as container:
            assert len(list(container.decode(video=0))) == 9


def test_adherence_while_training_is_drawn_where_it_was_measured(
    page: Callable[..., str], plan_of: Callable[..., Plan]
) -> None:
    measured = [
        {"step": step, "heldout_loss": 1.0, "heldout_loss_none": 1.1, "heldout_adherence": 1 + step / 100}
        for step in (20, 40, 60)
    ]
    shown = page(plan_of(head="text"), log=measured)
    chart = shown.partition("How it came to obey")[2].partition("</figure>")[0]
    assert chart.count("<polyline") == 3
    assert "How it came to obey" not in page(plan_of(head="text"))


def test_the_verdict_is_the_gates(page: Callable[..., str], plan_of: Callable[..., Plan]) -> None:
    assert "No gate is set" in page(plan_of())
    assert "The gate holds" in page(plan_of(gate={"ssim": 0.0}))
    refused = page(plan_of(gate={"ssim": 1.0, "adherence": 1.5}))
    assert "The gate refuses" in refused
    assert "CR803" in refused
    assert "CR805" in refused


def test_the_plan_is_shown_with_the_origin_of_its_values(
    page: Callable[..., str], plan_of: Callable[..., Plan]
) -> None:
    html = page(plan_of())
    assert "<td>train.steps</td><td>700</td><td>recipes/toy.yaml:12</td>" in html
    assert "<td>seed</td><td>0</td><td>default</td>" in html
    assert html.count("<td>data.") > 15


def test_the_page_says_nothing_of_whose_machine_it_was(page: Callable[..., str], plan_of: Callable[..., Plan]) -> None:
    assert str(Path.home()) not in page(plan_of())
    assert str(Path.cwd()) not in page(plan_of())


def test_report_and_samples_are_written(
    tmp_path: Path, model_of: Callable[[str], WorldModel], held_out: HeldOut, plan_of: Callable[..., Plan]
) -> None:
    plan = plan_of(head="text")
    found = evaluate(model_of("text"), held_out, EvaluationSettings.from_plan(plan))
    metrics = found.metrics(steps=1, train_seconds=1.0)
    write_report(tmp_path / "report.html", evaluation=found, metrics=metrics, plan=plan, recipe_text="", log=[])
    write_samples(tmp_path / "samples", found, rate_hz=5.0)
    kinds = ("truth", "prediction", "copy", "shuffled", "none", "side_by_side")
    names = {f"clip_{clip:02}_{kind}.mp4" for clip in range(2) for kind in kinds} | {"contact_sheet.png"}
    assert {path.name for path in (tmp_path / "samples").iterdir()} == names
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "samples"}


def test_a_chart_is_logarithmic_where_values_span_much() -> None:
    steep = Series(name="loss", points=[(1, 2.0), (2, 0.1)], look="prediction")
    flat = Series(name="loss", points=[(1, 2.0), (2, 1.9)], look="prediction")
    assert "logarithmic" in (line_chart([steep], x_label="step", y_label="loss") or "")
    assert "logarithmic" not in (line_chart([flat], x_label="step", y_label="loss") or "")


@pytest.mark.parametrize("points", [[(5, 1.0)], [(1, 0.0), (2, 0.0)], [(1, -3.0), (2, 9e9)], [(0, 1e-9), (10**6, 1e9)]])
def test_odd_curves_can_be_drawn(points: list[tuple[float, float]]) -> None:
    drawn = line_chart([Series(name="loss", points=points, look="prediction")], x_label="step", y_label="loss")
    assert drawn is not None
    assert not re.search(r"nan|inf", drawn)


def test_no_curve_is_no_chart() -> None:
    assert line_chart([Series(name="loss", points=[], look="prediction")], x_label="step", y_label="loss") is None


@pytest.mark.parametrize(
    ("low", "high", "log"), [(0.1, 2.0, True), (0, 700, False), (19.2, 24.9, False), (1, 1e6, True)]
)
def test_ticks_are_few_and_within(low: float, high: float, log: bool) -> None:
    ticks = Scale(low, high, 0, 100, log).ticks()
    assert 2 <= len(ticks) <= 9
    assert all(low <= tick <= high for tick in ticks)


def test_long_curves_are_thinned_and_keep_their_end() -> None:
    points = [(float(step), 1.0) for step in range(100_000)]
    assert len(thin(points)) <= 300
    assert thin(points)[-1] == points[-1]
    assert smooth(thin(points))[0][1] == pytest.approx(1)


def test_an_interval_that_is_a_point_can_be_drawn() -> None:
    drawn = interval_chart([("loss", Ratio(value=1.0, low=1.0, high=1.0))], x_label="ratio")
    assert "circle" in drawn
    assert not re.search(r"nan|inf", drawn)
