"""Rules about what a data set consists of: names, views, files, splits, statistics."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, combinations
from math import inf

from cosmos_recipes.data.checks.facts import Facts
from cosmos_recipes.data.checks.findings import Finding
from cosmos_recipes.data.recording import Split

ROUNDING_S = 0.02
"""Stretches of one file that overlap by less only round their times differently."""
_Stretch = tuple[float, float, int]
"""Start and end in seconds, and the number of the recording."""


def names_used_twice(facts: Facts) -> Iterator[Finding]:
    """Find recordings of one name."""
    first: dict[str, int] = {}
    for number, each in enumerate(facts.known):
        if first.setdefault(each.name, number) != number:
            yield facts.finding(
                number,
                "the name {} stands for several recordings",
                expected="a name of its own for each recording",
                found=f"{each.file} and {facts.known[first[each.name]].file}",
                hint="rename one of them, or name a column in `id` that tells them apart",
            )


def views_of_one_order(facts: Facts) -> Iterator[Finding]:
    """Find recordings whose views have other names, or another order, than those of most, where the source decides it."""
    if not facts.per_view or facts.dataset.views or not facts.known:
        return
    usual = Counter(each.source_views for each in facts.known).most_common(1)[0][0]
    for number, each in enumerate(facts.known):
        if each.source_views != usual:
            yield facts.finding(
                number,
                "the views of the recording {} are not those of the others, or in another order",
                expected=", ".join(usual),
                found=", ".join(each.source_views),
                hint="say under `views` which of the source's views are used, and in which order",
            )


def views_by_the_name_of_another(facts: Facts) -> Iterator[Finding]:
    """Find views that the data set file binds to what the source calls by the name of another view of the data set."""
    views = facts.dataset.views
    crossed = [f"{name}: {theirs}" for name, theirs in views.items() if theirs != name and theirs in views]
    if crossed:
        yield Finding(
            message=f"views have the names of others in the source: {', '.join(crossed)}",
            expected="each view from the source's view of that name, where it has one",
            found=f"views: {{{', '.join(f'{name}: {theirs}' for name, theirs in views.items())}}}",
            hint="correct `views`; rows of poses and intrinsics are those of the views in this order",
        )


def views_of_one_file(facts: Facts) -> Iterator[Finding]:
    """Find recordings of which two views are the same pictures."""
    contents = facts.contents
    for number, each in enumerate(facts.known):
        for one, other in combinations(each.views, 2):
            if contents.key(number, one) == contents.key(number, other):
                yield facts.finding(
                    number,
                    f"the views {one} and {other} of the recording {{}} are the same video",
                    expected="a video of its own for each view",
                    found=str(each.views[other].path),
                    hint="correct the paths, or leave one of the views out",
                )


def split_leakage(facts: Facts) -> Iterator[Finding]:
    """Find held-out recordings whose pictures are also trained on."""
    for held_out, train in _shared(facts):
        yield facts.finding(
            held_out,
            "the held-out recording {} shares pictures with one that is trained on",
            expected="pictures that the model has never seen",
            found=f"the same pictures in {facts.known[train].name}",
            hint="put both in one split, or remove one of them",
        )


def same_video_twice(facts: Facts) -> Iterator[Finding]:
    """Find recordings that are the same as another one: their first view, and what is said of it."""
    first = dict[tuple[object, ...], int]()
    for number, each in enumerate(facts.known):
        key = (*facts.contents.key(number, next(iter(each.views))), *sorted(each.texts.items()))
        other = first.setdefault(key, number)
        if other != number and facts.splits.get(other) == facts.splits.get(number):
            yield facts.finding(
                number,
                "the recording {} is there twice",
                expected="a video of its own for each recording",
                found=f"the same video and texts as {facts.known[other].name}",
                hint="remove one of them: it counts twice in training",
            )


def statistics_missing(facts: Facts) -> Iterator[Finding]:
    """Find columns that are normalised with statistics that no file holds."""
    for name in facts.dataset.normalise:
        if name not in facts.dataset.statistics:
            yield Finding(
                message=f"`{name}` is normalised, and the data set's file holds no statistics of it",
                expected=f"`statistics: {{{name}: …}}`",
                found="statistics that each run measures of the recordings that it uses",
                hint="let `cosmos-recipe data describe --write` measure them once",
            )


def _shared(facts: Facts) -> Iterator[tuple[int, int]]:
    """Yield every held-out recording once with another recording of which it shares pictures."""
    files: dict[tuple[object, ...], dict[Split, list[_Stretch]]] = {}
    for number, each in enumerate(facts.known):
        split = facts.splits.get(number)
        if split is None:
            continue
        for view, media in each.views.items():
            stretch = (media.start_s or 0.0, inf if media.end_s is None else media.end_s, number)
            own = files.setdefault(facts.contents.file(number, view), {"train": [], "held-out": []})
            own[split].append(stretch)
    told: set[int] = set()
    for own in files.values():
        for held_out, train in _overlapping(own["held-out"], sorted(own["train"])):
            if held_out not in told:
                told.add(held_out)
                yield held_out, train


def _overlapping(some: Sequence[_Stretch], others: Sequence[_Stretch]) -> Iterator[tuple[int, int]]:
    """Yield the numbers of each stretch with one of the others, which are sorted, that it overlaps."""
    furthest = list(accumulate(others, _longer))
    for start_s, end_s, number in some:
        before = bisect_left(others, (end_s - ROUNDING_S,))
        if before and furthest[before - 1][1] > start_s + ROUNDING_S:
            yield number, furthest[before - 1][2]


def _longer(one: _Stretch, other: _Stretch) -> _Stretch:
    return max(one, other, key=lambda stretch: stretch[1])
