"""The table of rules. A new rule is one function and one entry here, and its code in `diagnostics/codes.yaml`.

What a first look at a recording finds (missing and unreadable videos, values that break the contract, too few frames or
rows) needs no entry: those problems have codes of their own.
"""

from __future__ import annotations

from cosmos_recipes.data.checks import cameras, frozen, names, numbers, states, texts, times
from cosmos_recipes.data.checks.findings import Rule

RULES: tuple[Rule, ...] = (
    Rule(code="CR526", name="gaps of rows", severity="warning", looks_at="metadata", of_rows=times.row_gaps),
    Rule(code="CR526", name="gaps of frames", severity="warning", looks_at="metadata", of_rows=times.frame_gaps),
    Rule(code="CR527", name="drift", severity="warning", looks_at="metadata", of_rows=times.drift),
    Rule(code="CR528", name="views in step", severity="warning", looks_at="metadata", of_rows=times.views_in_step),
    Rule(code="CR529", name="names", severity="error", looks_at="metadata", of_all=names.names_used_twice),
    Rule(code="CR540", name="texts missing", severity="warning", looks_at="metadata", of_all=texts.missing),
    Rule(code="CR540", name="texts that are names", severity="warning", looks_at="metadata", of_all=texts.file_names),
    Rule(code="CR541", name="texts all the same", severity="warning", looks_at="metadata", of_all=texts.all_the_same),
    Rule(code="CR542", name="statistics", severity="warning", looks_at="metadata", of_all=names.statistics_missing),
    Rule(
        code="CR543",
        name="actions that never change",
        severity="warning",
        looks_at="numbers",
        of_rows=numbers.constant_recording,
    ),
    Rule(
        code="CR543",
        name="numbers that never change",
        severity="warning",
        looks_at="numbers",
        of_all=numbers.constant_number,
    ),
    Rule(code="CR544", name="clipped numbers", severity="warning", looks_at="numbers", of_all=numbers.clipped),
    Rule(
        code="CR545",
        name="scale against statistics",
        severity="warning",
        looks_at="numbers",
        of_all=numbers.scale_declared,
    ),
    Rule(
        code="CR545",
        name="scale against others",
        severity="warning",
        looks_at="numbers",
        of_all=numbers.scale_of_others,
    ),
    Rule(code="CR545", name="angles", severity="warning", looks_at="numbers", of_rows=numbers.angles),
    Rule(
        code="CR546",
        name="actions against states",
        severity="warning",
        looks_at="numbers",
        of_all=states.actions_match_states,
    ),
    Rule(code="CR547", name="jumps of cameras", severity="warning", looks_at="numbers", of_rows=cameras.camera_jumps),
    Rule(code="CR547", name="jumps of vehicles", severity="warning", looks_at="numbers", of_rows=cameras.vehicle_jumps),
    Rule(code="CR548", name="intrinsics", severity="warning", looks_at="numbers", of_rows=cameras.lenses),
    Rule(code="CR549", name="speed of vehicles", severity="warning", looks_at="numbers", of_rows=cameras.vehicle_speed),
    Rule(code="CR549", name="axes of vehicles", severity="warning", looks_at="numbers", of_rows=cameras.vehicle_axes),
    Rule(code="CR595", name="pictures that stand still", severity="warning", looks_at="media", of_rows=frozen.frozen),
    Rule(code="CR596", name="recordings twice", severity="warning", looks_at="media", of_all=names.same_video_twice),
    Rule(
        code="CR597", name="pictures in both splits", severity="warning", looks_at="media", of_all=names.split_leakage
    ),
    Rule(code="CR598", name="order of views", severity="error", looks_at="metadata", of_all=names.views_of_one_order),
    Rule(
        code="CR598",
        name="views by the name of another",
        severity="warning",
        looks_at="metadata",
        of_all=names.views_by_the_name_of_another,
    ),
    Rule(code="CR598", name="views of one file", severity="error", looks_at="media", of_all=names.views_of_one_file),
    Rule(code="CR599", name="reading of poses", severity="warning", looks_at="media", of_rows=cameras.pose_reading),
)
