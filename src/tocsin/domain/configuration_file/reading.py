"""From a parsed file to a description, with every mistake that the file alone shows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from tocsin.domain.configuration_file.clashes import find_clashes
from tocsin.domain.configuration_file.description import DescribedPolicy, Description, Section
from tocsin.domain.configuration_file.mistakes import Mistake
from tocsin.domain.configuration_file.place import Findings, Place
from tocsin.domain.configuration_file.reading_alert_keys import read_alert_key
from tocsin.domain.configuration_file.reading_heartbeats import read_heartbeat
from tocsin.domain.configuration_file.reading_routing import (
    read_default_routing,
    read_routing_keys,
)
from tocsin.domain.configuration_file.reading_teams import read_policies, read_team
from tocsin.domain.configuration_file.reading_webhooks import read_webhook
from tocsin.domain.configuration_file.tree import Node, Scalar
from tocsin.errors import TocsinError

_SECTIONS: Final = tuple(Section)


@dataclass(frozen=True, slots=True)
class ConfigurationFile:
    """A file that was read. With mistakes, its description has gaps and must not be applied."""

    name: str
    description: Description
    sections: frozenset[Section]
    mistakes: tuple[Mistake, ...]
    lines: Mapping[str, int]

    def mistake(self, path: str, message: str) -> Mistake:
        """Return a mistake at a place, or at the nearest one above it that the file has."""
        place = path
        while place not in self.lines and "." in place:
            place = place.rpartition(".")[0]
        return Mistake(self.lines.get(place, 1), path, message)


def unreadable(name: str, mistake: Mistake) -> ConfigurationFile:
    """Return what is known of a file that is not even YAML."""
    return ConfigurationFile(name, Description(), frozenset(), (mistake,), {})


class FileNotSent(TocsinError):
    """The configuration names a file that did not come with it."""

    code: ClassVar[str] = "file_not_sent"
    status_hint: ClassVar[int] = 422


def no_file(path: str) -> str:
    """Raises: FileNotSent. The server never reads a file of its own because somebody names it."""
    raise FileNotSent(
        "what this file holds did not come with the configuration; use tocsin apply, which sends it",
        path=path[:200],
    )


def describe(
    root: Node, *, name: str, read_file: Callable[[str], str] = no_file
) -> ConfigurationFile:
    """Return what a parsed file says. `name` is the file's, for its mistakes.

    `read_file` returns the text of a file that this one names.
    """
    findings = Findings(read_file)
    top = Place("", root.line, root, findings)
    entries = top.entries()
    for key in entries.keys() - set(_SECTIONS):
        entries[key].mistake(f"a configuration has no such part; it has {', '.join(_SECTIONS)}")
    present = frozenset(section for section in Section if section in entries)
    parts = {section: entries.get(section, _nothing(findings)) for section in Section}
    description = _description(parts)
    clashes = find_clashes(description, findings.lines)
    mistakes = (*findings.mistakes, *clashes)
    return ConfigurationFile(name, description, present, mistakes, findings.lines)


def _nothing(findings: Findings) -> Place:
    return Place("", 1, Scalar(text="", is_null=True, line=1), findings)


def _description(parts: Mapping[Section, Place]) -> Description:
    webhooks = parts[Section.WEBHOOKS].entries()
    teams = parts[Section.TEAMS].entries()
    keys = parts[Section.ALERT_KEYS].entries()
    heartbeats = parts[Section.HEARTBEATS].entries()
    routing = [
        *read_routing_keys(parts[Section.ROUTING_KEYS]),
        *read_default_routing(parts[Section.DEFAULT_ROUTING]),
    ]
    return Description(
        webhooks={slug: read_webhook(slug, place) for slug, place in webhooks.items()},
        teams={slug: read_team(slug, place) for slug, place in teams.items()},
        policies={policy.path: policy for policy in _policies(teams)},
        routing={each.key: each for each in routing},
        alert_keys={name: read_alert_key(name, place) for name, place in keys.items()},
        heartbeats={slug: read_heartbeat(slug, place) for slug, place in heartbeats.items()},
    )


def _policies(teams: Mapping[str, Place]) -> Iterator[DescribedPolicy]:
    for slug, place in teams.items():
        policies = place.find("policies")
        if policies:
            yield from read_policies(policies, team=slug)
