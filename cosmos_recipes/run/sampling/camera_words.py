"""A camera's way in words: `forward 1 m and yaw 30 deg, hold 1 s`.

    way    = step {"," step}              one step after the other
    step   = move {"and" move} ["in" T]   moves at the same time; steps without a time share what is left alike
           | "hold" T
    move   = WORD NUMBER UNIT             WORD is one of `MOVES`

Moves are those of the camera as it stands when the step begins. Each step starts and ends at rest.
Legend: M moments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from cosmos_recipes.data.binding.units import UNITS
from cosmos_recipes.diagnostics import Place, fail, nearest
from cosmos_recipes.diagnostics.words import listed, shortened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MOVES: dict[str, tuple[str, int, int]] = {
    "right": ("m", 0, 1),
    "left": ("m", 0, -1),
    "down": ("m", 1, 1),
    "up": ("m", 1, -1),
    "forward": ("m", 2, 1),
    "back": ("m", 2, -1),
    "backward": ("m", 2, -1),
    "pitch": ("rad", 0, 1),
    "yaw": ("rad", 1, 1),
    "roll": ("rad", 2, 1),
}
"""By word: the unit, and the axis and its sign, of a camera whose x is right, y down and z forward: it pitches up, yaws
to the right and rolls clockwise."""
ARGUMENT = "--camera"
_HOLD, _AND, _IN = "hold", "and", "in"
_TOKEN = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[^\W\d]+|\S")
_WAY = "moves such as `forward 1 m, yaw 30 deg, hold 1 s`"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Moves that begin and end together: metres and radians along and about x, y and z; `lasts_s` where it is said."""

    shift_m: tuple[float, float, float] = (0, 0, 0)
    turn_rad: tuple[float, float, float] = (0, 0, 0)
    lasts_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Token:
    text: str
    column: int


def parse_way(text: str) -> tuple[Step, ...]:
    """Return the steps of a way.

    Raises:
        RecipeError: it is none (CR267).
    """
    return tuple(_Parser(text).way())


def camera_to_world(steps: tuple[Step, ...], moments_s: Array, *, lasts_s: float, reverse: bool = False) -> Array:
    """Return the poses (M, 4, 4) at moments from the start of the way, which takes `lasts_s`; before it and after it rests.

    Raises:
        RecipeError: the steps whose times are said take longer (CR267).
    """
    import numpy as np

    from cosmos_recipes.data.geometry.poses import assemble
    from cosmos_recipes.data.geometry.rotations import from_euler

    at_s = np.clip(moments_s, 0, lasts_s)
    at_s = lasts_s - at_s if reverse else at_s
    pose_M44, start_s = np.broadcast_to(np.eye(4), (len(at_s), 4, 4)), 0.0
    for step, takes_s in zip(steps, _times_s(steps, lasts_s), strict=True):
        phase_M1 = np.clip((at_s - start_s) / max(takes_s, 1e-9), 0, 1)[:, None]
        eased_M1 = phase_M1**2 * (3 - 2 * phase_M1)
        pitch, yaw, roll = (angle * eased_M1[:, 0] for angle in step.turn_rad)
        turn_M33 = from_euler(np.stack([yaw, pitch, roll], -1), order="yxz", kind="intrinsic")
        pose_M44 = pose_M44 @ assemble(turn_M33, np.array(step.shift_m) * eased_M1)
        start_s += takes_s
    return np.asarray(pose_M44)


def _times_s(steps: tuple[Step, ...], lasts_s: float) -> list[float]:
    said_s = sum(step.lasts_s or 0 for step in steps)
    open_steps = sum(step.lasts_s is None for step in steps)
    left_s = lasts_s - said_s
    if left_s < -1e-6 or (open_steps and left_s <= 1e-6):
        fail(
            "CR267",
            "the camera's way takes longer than the frames that are generated",
            place=Place(file=ARGUMENT),
            expected=f"steps of {lasts_s:g} s together"
            if not open_steps
            else f"less than {lasts_s:g} s for those said",
            found=f"{said_s:g} s",
            hint="shorten the steps, or generate more with `--seconds` or `--chunks`",
        )
    return [left_s / open_steps if step.lasts_s is None else step.lasts_s for step in steps]


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [_Token(text=match[0], column=match.start() + 1) for match in _TOKEN.finditer(text)]
        self.position = 0

    def way(self) -> list[Step]:
        steps = [self._step()]
        while self._takes(","):
            steps.append(self._step())
        if self.position < len(self.tokens):
            self._fail("a comma, `and` or `in` is missing", self.tokens[self.position], expected=_WAY)
        return steps

    def _step(self) -> Step:
        if self._takes(_HOLD):
            return Step(lasts_s=self._quantity("s"))
        shift_m, turn_rad = [0.0] * 3, [0.0] * 3
        self._move(shift_m, turn_rad)
        while self._takes(_AND):
            self._move(shift_m, turn_rad)
        lasts_s = self._quantity("s") if self._takes(_IN) else None
        return Step(shift_m=_three(shift_m), turn_rad=_three(turn_rad), lasts_s=lasts_s)

    def _move(self, shift_m: list[float], turn_rad: list[float]) -> None:
        token = self._next("a movement")
        word = token.text.lower()
        if word not in MOVES:
            close = nearest(word, [*MOVES, _HOLD])
            hint = f"did you mean `{close}`?" if close else ""
            self._fail(f"`{token.text}` is no movement", token, expected=listed([*MOVES, _HOLD]), hint=hint)
        unit, axis, sign = MOVES[word]
        (shift_m if unit == "m" else turn_rad)[axis] += sign * self._quantity(unit)

    def _quantity(self, canonical: str) -> float:
        fitting = [unit for unit, (own, _) in UNITS.items() if own == canonical]
        expected = f"a number and a unit, {listed(fitting)}"
        number = self._next(expected)
        try:
            value = float(number.text)
        except ValueError:
            self._fail(f"`{number.text}` is no number", number, expected=expected)
        unit = self._next(expected)
        if unit.text not in fitting:
            close = nearest(unit.text, fitting)
            self._fail(
                f"`{unit.text}` is no unit here",
                unit,
                expected=listed(fitting),
                hint=f"did you mean `{close}`?" if close else f"write `{number.text} {fitting[0]}`",
            )
        if canonical == "s" and not value > 0:
            self._fail("a time is not above zero", number, expected=expected)
        return value * UNITS[unit.text][1]

    def _takes(self, word: str) -> bool:
        found = self.position < len(self.tokens) and self.tokens[self.position].text.lower() == word
        self.position += found
        return found

    def _next(self, expected: str) -> _Token:
        if self.position == len(self.tokens):
            self._fail("the camera's way ends too early", _Token(text="", column=len(self.text) + 1), expected=expected)
        self.position += 1
        return self.tokens[self.position - 1]

    def _fail(self, message: str, token: _Token, *, expected: str, hint: str = "") -> NoReturn:
        place = Place(file=ARGUMENT, line=1, column=token.column, length=max(1, len(token.text)))
        found = shortened(self.text[token.column - 1 :]) or "its end"
        fail("CR267", message, place=place, expected=expected, found=found, hint=hint)


def _three(values: list[float]) -> tuple[float, float, float]:
    return values[0], values[1], values[2]
