"""The contract check: numbered rules over every recording and row of a data set, a funnel, and a report."""

from cosmos_recipes.data.checks.check import check_recordings
from cosmos_recipes.data.checks.findings import Finding, Severity
from cosmos_recipes.data.checks.pictures import Decode
from cosmos_recipes.data.checks.report import CheckReport

__all__ = ["CheckReport", "Decode", "Finding", "Severity", "check_recordings"]
