"""The reference of the configuration file says what is so."""

import re
from pathlib import Path

import pytest
from tests.configuration.editing import Alice

from tocsin.domain.configuration_file import (
    reading_alert_keys,
    reading_heartbeats,
    reading_routing,
    reading_teams,
    reading_webhooks,
)
from tocsin.domain.configuration_file.description import Section
from tocsin.domain.configuration_file.report import report_text

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "configuration.md").read_text()
FIELDS = {
    *reading_alert_keys.FIELDS,
    *reading_heartbeats.FIELDS,
    *reading_routing.FIELDS,
    *reading_teams.TEAM_FIELDS,
    *reading_teams.POLICY_FIELDS,
    *reading_teams.STEP_FIELDS,
    *reading_webhooks.FIELDS,
}


def example() -> str:
    return "".join(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))


def test_the_example_of_the_reference_applies(alice: Alice) -> None:
    """The complete example is in force after one apply, without a warning."""
    report = alice.apply(example())
    assert report.count("created") == 12
    assert report.warnings == ()
    assert list(report.made_keys) == ["alertmanager"]


def test_the_plan_is_told_with_each_steps_time_from_the_start(alice: Alice) -> None:
    """Delays count from the previous step; the report adds them up, and repeats too."""
    text = report_text(alice.apply(example()), is_dry_run=True)
    assert "+ step 1 at +0s: pager" in text
    assert "+ step 2 at +1m30s: pager, phone-bridge" in text
    assert "+ step 3 at +11m30s: phone-bridge" in text
    assert "+ then again from step 1, 3 times, first at +26m30s" in text
    assert text.endswith("tocsin.yaml: 12 created. This was a dry run: nothing is changed.")


@pytest.mark.parametrize("word", sorted(FIELDS | set(Section)))
def test_every_field_is_documented(word: str) -> None:
    """No field or part of the file is missing from its reference."""
    assert f"`{word}`" in PAGE


def test_no_field_is_documented_that_does_not_exist() -> None:
    """Every row of a table is a field."""
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) <= FIELDS
