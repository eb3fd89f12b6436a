"""If these fail, a mistake in somebody's data goes unnoticed into training, or good data is called wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from faults import FAULTS, Fault
from good import DECLARED, Data

from cosmos_recipes.data.checks.rules import RULES


@pytest.mark.parametrize("name", DECLARED)
def test_good_data_gives_no_finding(good: Callable[[str], Data], name: str) -> None:
    report = good(name).check(decode="all")
    assert report.broken == []
    assert {stage.recordings for stage in report.funnel} == {10}
    assert report.decoded_frames == 10 * 25 * (2 if name in ("cell", "road") else 1)


def test_every_rule_has_a_fault_that_it_finds() -> None:
    assert {rule.code for rule in RULES} <= {fault.code for fault in FAULTS}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_a_planted_fault_is_named_with_its_row(good: Callable[[str], Data], fault: Fault, tmp_path: Path) -> None:
    data = fault.plant(good(fault.data), tmp_path)
    report = data.check()
    found = {rule.code: rule for rule in report.broken}
    assert set(found) == {fault.code, *fault.also}
    if fault.recording != -1:
        wanted = data.recordings[fault.recording].name if fault.recording is not None else ""
        assert {(example.recording, example.row) for example in found[fault.code].examples} == {(wanted, fault.row)}
