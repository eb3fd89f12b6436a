"""The page: what is said, in the order in which a reader asks, and the head that the Hub reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cosmos_recipes.compiler.licences import OTHER, licence_name, licence_of, origins_of
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.publishing.card import contract, figures, origin, usage
from cosmos_recipes.publishing.card.limits import limits
from cosmos_recipes.publishing.card.markdown import Markdown, attribute, code, escaped, fenced
from cosmos_recipes.publishing.card.samples import samples
from cosmos_recipes.publishing.card.told import Told
from cosmos_recipes.publishing.licences import licence_link

TEMPLATE = Path(__file__).with_name("card.md.jinja")


def model_card(plan: Plan, told: Told, *, repo: str | None = None) -> str:
    """Return README.md of a package: a head of YAML for the Hub and a page for people; the same run gives the same bytes.

    `repo` is where the package goes, if that is not where its plan says.
    """
    import jinja2

    there = plan.model_copy(update={"publish": plan.publish.model_copy(update={"repo": repo})}) if repo else plan
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        finalize=escaped,
    )
    environment.filters |= {"code": code, "fenced": fenced, "attribute": attribute}
    body = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        plan=plan,
        clip=plan.data.clip,
        title=card_title(plan),
        about=_about(plan),
        samples=samples(there, told),
        sheet="samples/contact_sheet.png" in told.files,
        columns=contract.columns(plan),
        legend=contract.legend(plan),
        tables=contract.numbers(plan, told),
        unused=contract.unused(plan),
        usage=usage.usage(there, told),
        reference=Markdown(usage.reference(there)),
        own_tokenizer=not told.is_tokenizer_elsewhere,
        head_numbers=told.head_numbers,
        metrics=told.metrics,
        frames=figures.frame_figures(told.metrics),
        tokenizer=figures.interval(told.metrics, "tokenizer_psnr_db", "{:.2f} dB"),
        adherence=figures.interval(told.metrics, "adherence", "{:.2f}"),
        drawn=figures.how_drawn(plan),
        tasks=(tasks := figures.task_figures(told.metrics)),
        controls=figures.columns_of(tasks),
        cost=origin.cost(plan, told),
        lineage=origin.lineage(plan, told),
        recipe=told.recipe,
        limits=limits(plan, told),
        licence=licence_of(plan),
        origins=origins_of(plan),
    )
    return f"---\n{card_head(plan)}\n---\n\n{body}"


def card_head(plan: Plan) -> str:
    """Return the YAML that the Hub reads: licence, base, data, task, tags."""
    from huggingface_hub import ModelCardData

    given, own = plan.data.clip.given_frames, head(plan.conditioning.head)
    tags = ["cosmos-recipe", "world-foundation-model", "video-prediction", plan.task, plan.backbone.family]
    tags += [f"head:{plan.conditioning.head}", f"schema:{plan.data.schema_name}"]
    fields: dict[str, Any] = {**licence_fields(plan)}
    if own.takes("caption") and "caption" in plan.data.columns:
        fields["language"] = "en"
    fields |= {
        "library_name": "cosmos-recipes",
        "pipeline_tag": "image-to-video" if given == 1 else "video-to-video",
        "tags": [*dict.fromkeys(tags), *(["lora"] if plan.train.method == "lora" else [])],
    }
    if datasets := origin.hub_datasets(plan):
        fields["datasets"] = datasets
    if base := origin.hub_base(plan):
        relation = "adapter" if plan.train.method == "lora" else "finetune"
        fields |= {"base_model": base[0], "base_model_relation": relation}
    return str(ModelCardData(**fields).to_yaml())


def licence_fields(plan: Plan) -> dict[str, str]:
    """Return the fields of the head that say the licence; terms that are no one licence go by the names of all."""
    found = licence_of(plan).licence
    link = licence_link(found)
    if link is None:
        return {"license": found}
    name = licence_name(origins_of(plan)) if found == OTHER else found
    return {"license": OTHER, "license_name": name, "license_link": link}


def card_title(plan: Plan) -> str:
    """Return the name of the model: the recipe, and its profile if it has one."""
    return f"{plan.recipe} ({plan.profile})" if plan.profile else plan.recipe


def _about(plan: Plan) -> Markdown:
    """Return in a paragraph, for somebody who knows none of the words, what is given, told and predicted."""
    clip, own = plan.data.clip, head(plan.conditioning.head)
    given = "one frame" if clip.given_frames == 1 else f"{clip.given_frames} frames"
    of_views = f" of each of {len(clip.views)} cameras ({', '.join(clip.views)})" if clip.views else " of video"
    predicted, lasts_s = clip.frames - clip.given_frames, (clip.frames - clip.given_frames) / clip.rate_hz
    told = f"What it is told: {_decapitalised(own.summary)}" if own.controlled else "It is told nothing else."
    said = (
        f"This is a world model: a network that has watched videos and predicts how one goes on. It is given {given}{of_views}, "
        f"{clip.height_px} x {clip.width_px} pixels (height x width), and draws the next {predicted}, {clip.rate_hz:g} in a "
        f"second, which is {lasts_s:g} s. {told} {_family_words(plan)}"
    )
    return escaped(said)


def _family_words(plan: Plan) -> str:
    started = plan.backbone.name
    begins = "was trained from scratch" if plan.backbone.weights is None else f"was post-trained from {started}"
    way = (
        "removes noise from all frames at once (diffusion)"
        if plan.backbone.family == "diffusion"
        else "writes tokens one after the other (autoregressive)"
    )
    return f"The network {way} and {begins}, as the recipe below says; everything on this page comes from that run."


def _decapitalised(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
