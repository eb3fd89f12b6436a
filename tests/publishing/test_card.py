"""If these fail, the card does not say what the model is, or says it in a way that does not work."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from PIL import Image
from publishing_toys import METRICS, make_plan, save_toy_model

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.publishing.card import model_card
from cosmos_recipes.publishing.licences import licence_text
from cosmos_recipes.publishing.package import Package

HUB_BASE = {
    "name": "predict2.5-2b",
    "hub_id": "nvidia/Cosmos-Predict2.5-2B",
    "revision": "0123abc",
    "licence": "nvidia-open-model-license",
}


def card_of(plan: Plan, metrics: dict | None = None) -> str:
    return model_card(
        plan, METRICS if metrics is None else metrics, run_id="base-0a1b2c3d", files=["samples/contact_sheet.png"]
    )


@pytest.fixture(scope="module")
def large() -> Plan:
    backbone = make_plan().backbone.model_dump() | HUB_BASE
    return make_plan(profile="predict2.5-2b", backbone=backbone, publish={"repo": "ada/arm", "public": True})


def test_the_hub_reads_the_head(package: Package) -> None:
    data = ModelCard.load(package.folder / "README.md").data.to_dict()
    assert data["license"] == "apache-2.0"
    assert data["pipeline_tag"] == "image-to-video"
    assert data["library_name"] == "cosmos-recipes"
    assert {"cosmos-recipe", "instruction"} <= set(data["tags"])
    assert "base_model" not in data


def test_base_and_its_licence_are_named(large: Plan) -> None:
    card = ModelCard(card_of(large))
    assert card.data.base_model == "nvidia/Cosmos-Predict2.5-2B"
    assert card.data.to_dict()["base_model_relation"] == "finetune"
    assert (card.data.license, card.data.license_name) == ("other", "nvidia-open-model-license")
    assert "`0123abc`" in card.text
    assert "hf download ada/arm" in card.text
    assert "--profile predict2.5-2b" in card.text
    notice = licence_text(large.backbone.licence, base="nvidia/Cosmos-Predict2.5-2B@0123abc")
    assert "Licensed by NVIDIA Corporation under the NVIDIA Open Model License" in notice


def test_figures_stand_beside_those_of_copying(package: Package) -> None:
    text = (package.folder / "README.md").read_text()
    assert re.search(r"\| .*all pixels.* \| 27\.41 dB \| 24\.02 dB \|", text)
    assert "1.62 times as large" in text
    assert "1.41 to 1.85" in text
    assert "800 of 16 clips" in text
    assert "2.9 minutes" in text


def test_what_was_not_measured_is_left_out() -> None:
    unmeasured = dict.fromkeys(METRICS) | {"params": 5}
    for metrics in (unmeasured, {}, METRICS | {"adherence": None, "adherence_low": None, "adherence_high": None}):
        card = card_of(make_plan(), metrics)
        assert "times as large" not in card
        assert "None" not in card


@pytest.mark.parametrize("summary", ["Two\nlines: yes", "---\nlicense: mit\n---", "{{ plan.seed }} {% raw %}", "a | b"])
def test_summary_is_only_text(summary: str) -> None:
    """What a recipe's author writes can change neither the head nor the page's making."""
    card = ModelCard(card_of(make_plan(summary=summary)))
    assert card.data.license == "apache-2.0"
    assert " ".join(summary.split()) in card.text


def test_tables_and_links_are_whole(package: Package) -> None:
    text = (package.folder / "README.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert {"samples/contact_sheet.png", "samples/clip_00_truth.mp4", "report.html", "LICENSE"} <= set(links)
    assert all((package.folder / link).exists() for link in links)
    for row in re.findall(r"^\|.*$", text, re.MULTILINE):
        assert row.endswith("|")
    assert "\n\n\n" not in text


@pytest.mark.parametrize("head", ["text", "none"])
def test_code_of_the_card_runs(package: Package, tmp_path: Path, head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader pastes the code into a Python that was started in the downloaded folder."""
    folder = Path(shutil.copytree(package.folder, tmp_path / "model"))
    plan = make_plan(conditioning={"head": head, "dropout": 0.1})
    save_toy_model(folder, plan)
    card = model_card(plan, METRICS, run_id="base", files=[entry.path for entry in package.files])
    code = "\n".join(re.findall(r"```python\n(.*?)```", card, re.DOTALL))
    assert "WorldModel" in code
    assert "CosmosTransformer3DModel" in code
    monkeypatch.chdir(folder)
    exec(code, {})
    with Image.open(folder / "clip.gif") as clip:
        assert (clip.n_frames, clip.size) == (plan.data.clip.frames, (32, 32))
