"""The rules for Prometheus and the guide beside them speak of what there is."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tocsin.metrics import Gauges, Metrics
from tocsin.service import readiness

ROOT = Path(__file__).parents[2]
RULES = ROOT / "packaging" / "alerts.yaml"
GUIDE = ROOT / "docs" / "how-to" / "operate.md"
_METRIC = re.compile(r"\btocsin_[a-z_]+")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


def what_metrics_has() -> set[str]:
    """Every name of a family or of a sample that a server shows once all has happened."""
    metrics = Metrics(version="1")
    metrics.steps_fired([1])
    text, _ = metrics.render(Gauges())
    families = list(text_string_to_metric_families(text.decode()))
    samples = {sample.name for family in families for sample in family.samples}
    counters = {f"{family.name}_total" for family in families if family.type == "counter"}
    return samples | counters | {family.name for family in families if family.type == "gauge"}


def unknown(expression: str, known: set[str]) -> list[str]:
    return [name for name in _METRIC.findall(expression) if name not in known]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_rule_asks_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    """By name; it says how urgent it is, in a sentence, and the guide says what to do."""
    assert unknown(rule["expr"], what_metrics_has()) == []
    assert rule["labels"]["severity"] in ("page", "look")
    assert rule["annotations"]["summary"]
    assert f"`{rule['alert']}`" in GUIDE.read_text()
    assert rule["expr"].count("(") == rule["expr"].count(")")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_what_a_rule_looks_at_hides_nothing_else(rule: dict[str, Any]) -> None:
    """`or` drops on its right what has the labels of something on its left: each side is compared before."""
    sides = rule["expr"].split(" or ")
    assert len(sides) == 1 or all(re.search("[<>]", side) for side in sides)


def test_a_rule_for_nothing_is_found() -> None:
    """A name that was misspelt, or has gone, fails."""
    assert unknown("rate(tocsin_exhausted[5m]) > 0", what_metrics_has()) == ["tocsin_exhausted"]


def test_the_guide_says_what_each_word_of_readyz_means() -> None:
    """Every reason and every warning."""
    codes = re.findall(r'Finding\(\s*"([a-z_]+)"', Path(readiness.__file__).read_text())
    assert len(codes) > 10
    codes += ["steps_overdue", "deliveries_unsent", "store_unavailable"]
    guide = GUIDE.read_text()
    assert [code for code in codes if f"`{code}`" not in guide] == []
    assert set(re.findall(r"^\| `(\w+)`.*\| .* \| ", guide, re.MULTILINE)) <= {*codes, *_alerts()}


def _alerts() -> list[str]:
    return [str(rule["alert"]) for rule in rules()]


def test_the_guide_names_log_lines_that_are_written() -> None:
    """Each name of one stands in the code."""
    sources = "".join(file.read_text() for file in (ROOT / "src").rglob("*.py"))
    named = re.findall(r"`([a-z]+\.[a-z_]+)`", GUIDE.read_text())
    assert len(named) >= 6
    assert [name for name in named if f'"{name}"' not in sources] == []
