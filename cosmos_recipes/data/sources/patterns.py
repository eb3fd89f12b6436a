"""Recordings of several views whose files say by their names which recording and which view they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from cosmos_recipes.data.sources.listed import fail_duplicate
from cosmos_recipes.diagnostics import Place, fail

_FEWEST_VIEWS = 2
MOST_STARS = 3
_WORD = (
    r"(?:front|rear|back|left|right|side|top|bottom|overhead|wrist|head|high|low|wide|tele|cross|center|centre|middle"
    r"|\d+fov|(?:camera|cam|view|image|ftheta|pinhole)(?:[_-]?\d+)?)"
)
_VIEW = rf"(?P<view>{_WORD}(?:[_-]{_WORD})*)"
_ENDS_WITH_VIEW = re.compile(rf"(?:(?P<recording>.*?[^_.-])(?P<gap>[_./-]))??{_VIEW}(?P<suffix>\.\w+)", re.IGNORECASE)
_LIES_IN_VIEW = re.compile(rf"{_VIEW}(?P<gap>/)(?P<recording>.+)(?P<suffix>\.\w+)", re.IGNORECASE)


def views_named(names: Iterable[str]) -> dict[str, str] | None:
    """Return the pattern of each view, if all names say a view and every recording has the same ones; None if not.

    A name says it at its end, as `drive_front_left.mp4`, or is in a folder that does, as `wrist/take_3.mp4`.
    """
    places = list(names)
    for form, folder in ((_ENDS_WITH_VIEW, False), (_LIES_IN_VIEW, True)):
        found = [form.fullmatch(place) for place in places]
        views: dict[str, str] = {}
        seen: dict[str, list[str]] = {}
        for match in found:
            if match is None:
                break
            star = f"*{match['gap']}" if match["recording"] else ""
            pattern = f"{match['view']}/*{match['suffix']}" if folder else f"{star}{match['view']}{match['suffix']}"
            if views.setdefault(match["view"], pattern) != pattern:
                break
            seen.setdefault(match["recording"] or "", []).append(match["view"])
        else:
            if len(views) >= _FEWEST_VIEWS and all(sorted(each) == sorted(views) for each in seen.values()):
                return views
    return None


def by_recording(
    videos: Mapping[str, Path], patterns: Mapping[str, str], root: Path
) -> Mapping[str, Mapping[str, Path]]:
    """Return the video of each view by the recording's name, the views in the order of their patterns.

    `videos` are by their place in the folder `root`. A `*` is the name of the recording, or a part of it; it may hold
    folders. Where a file fits several patterns the one that says more of it wins; what fits none is no view.

    Raises:
        RecipeError: two files are the same view of a recording (CR555), or a recording lacks one (CR553), or there is
            none (CR556).
    """
    for view, pattern in patterns.items():
        if pattern.count("*") > MOST_STARS:
            _fail_stars(view, pattern, root)
    readers = {view: _regex(pattern) for view, pattern in patterns.items()}
    ranked = sorted(patterns, key=lambda view: len(patterns[view].replace("*", "")), reverse=True)
    found: dict[str, dict[str, Path]] = {}
    for place, path in videos.items():
        view, match = next(((view, fits) for view in ranked if (fits := readers[view].fullmatch(place))), ("", None))
        if match is None:
            continue
        name = "/".join(part for part in match.groups() if part) or root.name
        views = found.setdefault(name, {})
        if view in views:
            fail_duplicate(f"two videos are the view {view} of {name}", path, [views[view].name, path.name])
        views[view] = path
    _require_whole(found, patterns, root)
    return {name: {view: views[view] for view in patterns} for name, views in sorted(found.items())}


def _fail_stars(view: str, pattern: str, root: Path) -> None:
    fail(
        "CR126",
        f"the pattern of the view {view} fits names in too many ways",
        place=Place(file=str(root)),
        expected=f"at most {MOST_STARS} stars",
        found=pattern,
        hint="write out more of the names, such as `*/*_front.mp4`",
    )


def _regex(pattern: str) -> re.Pattern[str]:
    return re.compile("(.*)".join(map(re.escape, pattern.split("*"))))


def _require_whole(found: Mapping[str, Mapping[str, Path]], patterns: Mapping[str, str], root: Path) -> None:
    if not found:
        fail(
            "CR556",
            f"no video of {root.name} fits a pattern of `views`",
            place=Place(file=str(root)),
            expected=", ".join(patterns.values()),
            hint="patterns are of the whole name in the folder, folders in between included",
        )
    for name, views in found.items():
        gone = [view for view in patterns if view not in views]
        if gone:
            fail(
                "CR553",
                f"the recording {name} lacks a view",
                place=Place(file=str(root)),
                expected=", ".join(patterns[view].replace("*", name) for view in patterns),
                found=f"no {', '.join(gone)}",
                hint="put the video there, or remove the others of the recording",
            )
