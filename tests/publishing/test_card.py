"""If these fail, the card does not say what the model is, or what a stranger wrote does something in it."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from golden_cards import action_model, adapter_of_the_hub
from hub_server import HubServer
from huggingface_hub import ModelCard
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from publishing_toys import METRICS, make_plan

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.publishing.card import Told, model_card
from cosmos_recipes.publishing.card.markdown import code, escaped, fenced
from cosmos_recipes.publishing.card.usage import command
from cosmos_recipes.publishing.licences import licence_text
from cosmos_recipes.publishing.package import Package
from tests.stored_texts import assert_stored

GOLDEN = Path(__file__).with_name("golden")
MODELS: dict[str, Callable[[], tuple[Plan, Told]]] = {"action-model": action_model, "adapter": adapter_of_the_hub}
RENDER = MarkdownIt("js-default", {"html": True}).render
SIGNS = st.sampled_from(
    [*"`*_[]()<>|~#\\\"'{}!&$@-+=.:/ \t\n1a", "://", "www.", "<script>", "```", "\u202e", "\x1b[31m", "| a |"]
)
STRANGE = st.lists(SIGNS, min_size=1, max_size=30).map("".join).filter(lambda text: escaped(text) != "")


class _Skeleton(HTMLParser):
    """The elements of a page with where they lead, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        assert not any(name.startswith("on") for name in told)
        self.elements.append((tag, str(told.get("href") or told.get("src"))))

    def handle_data(self, data: str) -> None:
        self.text += data


def card_of(plan: Plan, metrics: dict | None = None) -> str:
    files = ["samples/contact_sheet.png"]
    return model_card(plan, Told(run_id="base-0a1b2c3d", metrics=METRICS if metrics is None else metrics, files=files))


def page(card: str) -> _Skeleton:
    return _Skeleton(RENDER(ModelCard(card).text))


@pytest.mark.parametrize("name", MODELS)
def test_text(name: str) -> None:
    assert_stored(GOLDEN / f"{name}.md", model_card(*MODELS[name]()))


def test_command_names_all_that_the_model_is_told() -> None:
    plan, _ = action_model()
    assert command(plan, "a model") == "cosmos-recipe sample 'a model' --frames VIDEO --actions FILE -o next.mp4"


@pytest.mark.parametrize("name", MODELS)
def test_the_hub_takes_the_head(name: str, hub: HubServer) -> None:
    card = ModelCard(model_card(*MODELS[name]()))
    assert card.content.startswith(f"---\n{card.data.to_yaml()}\n---\n")
    asked = json.dumps({"content": card.content, "repoType": "model"}).encode()
    with urllib.request.urlopen(f"{hub.url}/api/validate-yaml", data=asked) as answer:
        assert json.load(answer) == {"errors": [], "warnings": []}


def test_base_data_and_tags_are_those_of_the_run() -> None:
    adapter, action = (ModelCard(model_card(*make())).data.to_dict() for make in (adapter_of_the_hub, action_model))
    assert adapter["base_model"] == "nvidia/Cosmos-Predict2.5-2B"
    assert adapter["base_model_relation"] == "adapter"
    assert (adapter["license"], adapter["license_name"]) == ("other", "nvidia-open-model-license")
    assert adapter["language"] == "en"
    assert {"cosmos-recipe", "instruction", "head:text", "schema:instruction-video", "diffusion", "lora"} <= set(
        adapter["tags"]
    )
    assert action["datasets"] == ["ada/arm-videos"]
    assert (action["library_name"], action["pipeline_tag"], action["license"]) == (
        "cosmos-recipes",
        "image-to-video",
        "cc-by-sa-4.0",
    )
    assert not {"base_model", "base_model_relation", "language"} & action.keys()


def test_a_network_of_nvidia_that_is_trained_from_scratch_has_no_base() -> None:
    plan, told = adapter_of_the_hub()
    scratch = plan.backbone.model_copy(update={"weights": None})
    training = plan.train.model_copy(update={"method": "full", "lora_rank": None, "lora_alpha": None})
    card = ModelCard(model_card(plan.model_copy(update={"backbone": scratch, "train": training}), told))
    assert "base_model" not in card.data.to_dict()
    assert card.data.license == "unknown"
    assert "was trained from scratch" in card.text


def test_a_folder_of_the_machine_that_trained_is_not_told() -> None:
    plan, told = adapter_of_the_hub()
    backbone = plan.backbone.model_copy(update={"weights": "/home/ada/secret/base", "weights_sha256": "ab" * 32})
    card = ModelCard(model_card(plan.model_copy(update={"backbone": backbone}), told))
    assert "secret" not in card.content
    assert "base_model" not in card.data.to_dict()
    assert "ab" * 32 in card.text
    assert "--base path/to/the/base" in card.text


def test_figures_have_intervals_and_stand_beside_copying(package: Package) -> None:
    text = (package.folder / "README.md").read_text()
    assert "| PSNR | 27.41 dB (26.50 to 28.30) | 24.02 dB |" in text
    assert "**1.62 (1.41 to 1.85)** times" in text
    assert "800 of 16 clips" in text
    assert "2.9 minutes" in text


def test_what_was_not_measured_is_left_out() -> None:
    unmeasured = dict.fromkeys(METRICS) | {"params": 5}
    for metrics in (unmeasured, {}, METRICS | {"adherence": None, "adherence_low": None, "adherence_high": None}):
        card = card_of(make_plan(), metrics)
        assert "Does it obey" not in card
        assert "None" not in card
        assert "How much it obeys its control was not measured" in card


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"psnr_db": 20.0}, "Over all pixels it is no nearer to the truth than repeating the last given frame."),
        ({"adherence_low": 0.98}, "That it obeys its control is not shown"),
        ({"clips": 4}, "It was measured on 4 clips, which are few"),
        ({"adherence": 1.1}, "The recipe's gate refused it: the model does not obey its control enough"),
    ],
)
def test_limits_follow_from_the_figures(changed: dict[str, float], sentence: str) -> None:
    plan, told = action_model()
    assert sentence not in model_card(plan, told)
    assert sentence in model_card(plan, replace(told, metrics={**told.metrics, **changed}))


@settings(deadline=None)
@given(summary=STRANGE, caption=STRANGE, number=STRANGE, meaning=STRANGE, licence=STRANGE)
def test_what_strangers_write_is_only_text(summary: str, caption: str, number: str, meaning: str, licence: str) -> None:
    """The page has the same elements, which lead to the same places, whatever is said in it; so has the head."""
    cards = []
    for said in (("a", "b", "c", "d", "e"), (summary, caption, number, meaning, licence)):
        plan, told = action_model(summary=said[0])
        contract = json.loads(json.dumps(plan.data.contract))
        contract["columns"]["action"]["summary"] = said[3]
        binding = plan.data.bindings["action"] | {"names": [said[2], "grip"]}
        data = plan.data.model_copy(
            update={"contract": contract, "bindings": {"action": binding}, "licence": f"of {said[4]}"}
        )
        told = replace(told, clips={"captions": [said[1], said[1]]}, recipe=f"summary: {said[0]}\n")
        cards.append(ModelCard(model_card(plan.model_copy(update={"data": data}), told)))
    plain, strange = (page(card.content) for card in cards)
    assert strange.elements == plain.elements
    assert [card.data.license for card in cards] == ["other", "other"]
    assert "\u202e" not in cards[1].content and "\x1b" not in cards[1].content
    assert " ".join(re.sub("[\u202e\x1b]", "", summary).split()) in " ".join(strange.text.split())


def test_addresses_and_names_in_text_lead_nowhere_on_the_hub() -> None:
    text = escaped("see https://evil.example, www.evil.example, @ada and $x$")
    assert not re.search(r"://|www\.|@|\$", text)


def test_code_cannot_be_ended_by_what_is_in_it() -> None:
    for text in ("```\n</details>\n# Title", "~~~\n````\nx", "a\x1b[31m"):
        assert RENDER(f"{fenced(text, 'yaml')}\n\nafter").count("<pre>") == 1
        assert "<p>after</p>" in RENDER(f"{fenced(text, 'yaml')}\n\nafter")
    assert RENDER(code("a`b|<c>")).strip() == "<p><code>a`b|&lt;c&gt;</code></p>"


def test_tables_and_links_are_whole(package: Package) -> None:
    text = (package.folder / "README.md").read_text()
    links = {target for tag, target in page(text).elements if tag in ("a", "img", "source") and "://" not in target}
    assert {"samples/contact_sheet.png", "samples/clip_00_truth.mp4", "report.html", "LICENSE"} <= links
    assert all((package.folder / link).exists() for link in links)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1
    assert "\n\n\n" not in text


def test_a_video_has_words_for_who_does_not_see_it() -> None:
    card = model_card(*adapter_of_the_hub())
    assert card.count('aria-label="Held-out clip, 1.8 s. From left to right:') == 2
    assert '<source src="samples/clip_00_side_by_side.mp4" type="video/mp4">' in card
    assert "https://huggingface.co/ada/arm/resolve/main/samples/clip_00_side_by_side.mp4" in card
    assert "![Contact sheet" in card


def test_licence_file_names_the_terms_of_all_that_was_used() -> None:
    plan, _ = adapter_of_the_hub()
    text = licence_text(plan)
    assert "Licensed by NVIDIA Corporation under the NVIDIA Open Model License" in text
    assert "the data set toy-videos: cc0-1.0" in text
    assert "Apache License" in licence_text(make_plan())
    strange = plan.model_copy(update={"data": plan.data.model_copy(update={"licence": "../../../etc/passwd"})})
    assert "terms of their own" in licence_text(strange)
