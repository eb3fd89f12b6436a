"""The licence of trained weights, from those of the base and of the data. What cannot be derived is said, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.compiler.resolve import Resolved
from cosmos_recipes.data.licences import CONDITIONS, UNKNOWN
from cosmos_recipes.diagnostics import Place, Problem
from cosmos_recipes.diagnostics.words import listed

OTHER = "other"
_UNSAID = frozenset({"", UNKNOWN, "none", OTHER, "proprietary", "unlicensed"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """What weights come from, in words, and its licence; None where none applies, as to a network without weights."""

    what: str
    licence: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Derived:
    """The licence of weights: an identifier, `unknown`, or `other` for terms of their own; `why` is a sentence.

    `conflict` says why weights may not be shared at all; it is empty where they may.
    """

    licence: str
    why: str
    conflict: str = ""


def licence_of(plan: Plan) -> Derived:
    """Return the licence of the weights that a plan trains."""
    return derive(origins_of(plan))


def origins_of(plan: Plan) -> tuple[Origin, ...]:
    """Return what the weights of a plan come from: the base first, then every data set."""
    backbone = plan.backbone
    # Of a network that is on the Hub, no terms are left where it is trained from scratch.
    terms = None if backbone.weights is None and backbone.hub_id else backbone.licence
    return _origins(backbone.name, terms, [(own.name, own.licence) for own in plan.data.sets])


def check_licences(resolved: Resolved) -> Iterator[Problem]:
    """Yield why a model that is to be public may not, whatever is trained: found before anything is spent."""
    loaded, backbone = resolved.loaded, resolved.backbone
    terms = None if resolved.weights is None and backbone.hub_id else backbone.licence
    sets = [(dataset.file.name, dataset.file.licence) for dataset, _ in resolved.dataset.sets]
    public, place = loaded.recipe.publish.public, loaded.place_of("publish.public")
    if problem := sharing_problem(_origins(backbone.name, terms, sets), public=public, place=place):
        yield problem


def sharing_problem(origins: Sequence[Origin], *, public: bool, place: Place | None = None) -> Problem | None:
    """Return what forbids to make public what comes from all of these; the first is the base.

    A private repository is not refused: what is not given to others needs no right to give it. Licences for non-commercial
    use let others have what derives from them, under the same terms.
    """
    base = origins[0]
    why = next(conflicts(origins), "")
    if not why and base.licence in _UNSAID:
        why = f"nobody knows the licence of {base.what}, and so whether others may have what is made from it"
    if not public or not why:
        return None
    return Problem(
        code="CR750",
        message="the licences of what the model is made from do not let it be public",
        place=place,
        expected="licences that let others have what is made from them, and that can be kept at the same time",
        found=why,
        hint="publish it privately, or use another base or other data",
    )


def sharing_note(origins: Sequence[Origin]) -> str | None:
    """Return what whoever publishes this, privately or not, should know of the licences; None where there is nothing."""
    if conflict := next(conflicts(origins), ""):
        return f"keep it private: {conflict}"
    limited = [f"{each.licence} ({each.what})" for each in origins if "non-commercial" in _asks(each)]
    return f"no commercial use, by {listed(limited, 'and')}; the card says so" if limited else None


def _origins(base: str, terms: str | None, sets: Sequence[tuple[str, str]]) -> tuple[Origin, ...]:
    data = (Origin(what=f"the data set {name}", licence=licence) for name, licence in sets)
    return (Origin(what=f"the base model {base}", licence=terms), *data)


def derive(origins: Sequence[Origin]) -> Derived:
    """Return the licence of weights that come from all of these; the first is the base.

    The licence is that of the base where the data asks for nothing more, and otherwise the strictest that is named, where
    all are known; a licence that is not said, or whose terms are not known here, leaves it open.
    """
    base, *data = origins
    if conflict := next(conflicts(origins), ""):
        return Derived(licence=OTHER, why=f"{conflict}.", conflict=conflict)
    unsaid = [each.what for each in origins if each.licence == UNKNOWN]
    if unsaid:
        return Derived(
            licence=UNKNOWN,
            why=f"The licence of {listed(unsaid, 'and')} is not said, so that of the weights is not known.",
        )
    if base.licence is None:
        why = "The weights were trained from scratch, and nothing says under which licence whoever trained them gives them."
        return Derived(licence=UNKNOWN, why=why)
    asking = [each for each in data if CONDITIONS.get(str(each.licence)) != frozenset()]
    if not asking:
        return Derived(
            licence=base.licence,
            why=f"It is the licence of {base.what}; that of the data asks for no more than to be named.",
        )
    if any(each.licence not in CONDITIONS for each in (base, *asking)):
        terms = listed((f"{each.licence} ({each.what})" for each in (base, *asking)), "and")
        why = f"The weights come under {terms}, which cannot be made one licence here: read each of them."
        return Derived(licence=OTHER, why=why)
    strictest = max((base, *asking), key=lambda each: (len(CONDITIONS[str(each.licence)]), str(each.licence)))
    return Derived(
        licence=str(strictest.licence),
        why=f"It is the licence of {strictest.what}, the strictest of all that were used.",
    )


def conflicts(origins: Sequence[Origin]) -> Iterator[str]:
    """Yield why weights that come from all of these may not be shared, if so, as the beginning of a sentence."""
    for each in origins:
        if "no-derivatives" in _asks(each):
            yield f"{each.licence} ({each.what}) lets nobody share what was made from it"
    for alike in (each for each in origins if "share-alike" in _asks(each)):
        for other in origins:
            added = _asks(other) - _asks(alike)
            is_alike = "share-alike" in _asks(other) and other.licence != alike.licence
            if added or is_alike:
                asked = (
                    f"{alike.licence} ({alike.what}) asks that what is made from it be shared under the same licence"
                )
                yield f"{asked}, which {other.licence} ({other.what}) does not allow"


def licence_name(origins: Sequence[Origin]) -> str:
    """Return what the Hub shows of terms that are no one licence: the names of all that ask for something."""
    asking = [str(each.licence) for each in origins if each.licence and CONDITIONS.get(each.licence) != frozenset()]
    slugs = (re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-") for name in dict.fromkeys(asking))
    return "-and-".join(slug[:60] for slug in slugs if slug)[:100] or "see-license"


def _asks(origin: Origin) -> frozenset[str]:
    return frozenset(CONDITIONS.get(origin.licence or "", ()))
