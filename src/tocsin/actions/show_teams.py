"""Teams as people look at them: what their policies would do, what is wrong with them, what runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tocsin.actions.one_object import not_configured
from tocsin.actions.show_policies import MOST_RUNNING, Looking, RunningCount
from tocsin.domain.configuration import Configuration, Policy
from tocsin.domain.configuration_file.advice import Advice, ToldAdvice, told_once
from tocsin.domain.configuration_file.description import DescribedPolicy, ObjectKind
from tocsin.domain.configuration_file.mistakes import nearest
from tocsin.domain.foresight import Foresight, foresee
from tocsin.domain.natural_order import natural_key
from tocsin.domain.team import Team
from tocsin.domain.wording import counted, listed, plan_text
from tocsin.store.database import Tx
from tocsin.store.policies import find_versions
from tocsin.store.policy_versions import find_running
from tocsin.store.teams import list_teams

TEAMS: Final = 20
"""On a page."""
POLICIES_OF_EACH: Final = 5
"""Of each team, where teams are listed."""
POLICIES: Final = 50
"""Where one team is shown."""


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """A policy in the list of its team."""

    policy: Policy
    described: DescribedPolicy
    foresight: Foresight
    advice: tuple[Advice, ...]
    routing_keys: tuple[str, ...]
    running: RunningCount

    @property
    def warnings(self) -> tuple[ToldAdvice, ...]:
        """What of it is hardly meant."""
        return told_once(each for each in self.advice if not each.is_as_meant)

    @property
    def more_text(self) -> str:
        """What comes after its first moment, in short; empty if nothing does."""
        foresight = self.foresight
        if foresight.ends_at is None or not (foresight.cycles > 1 or len(foresight.moments) > 1):
            return ""
        more = len(self.described.steps) - foresight.moments[0].last
        parts = [counted(more, "more step")] if more else []
        if foresight.cycles > 1:
            parts.append(counted(foresight.cycles - 1, "repeat"))
        at = f"at {plan_text(foresight.ends_at)}"
        only = more == 1 and foresight.cycles == 1
        return f"Then {listed(parts)}, {at if only else f'the last {at}'}."


@dataclass(frozen=True, slots=True)
class ShownTeam:
    """A team with some of its policies, how many it has, and how many open incidents they page for."""

    team: Team
    policies: tuple[PolicyLine, ...]
    policy_count: int
    next_after: str | None
    """The slug after which its list goes on; None: it does not."""
    running: RunningCount


@dataclass(frozen=True, slots=True)
class ShownTeams:
    """Some of the teams, in order of slug."""

    teams: tuple[ShownTeam, ...]
    next_after: str | None


def list_shown_teams(
    tx: Tx, configuration: Configuration, *, begins: str = "", after: str = "", limit: int = TEAMS
) -> ShownTeams:
    """Return the teams whose slug or name begins so, that come after a slug."""
    begins, seen = begins.casefold(), natural_key(after)
    found = (
        team
        for team in list_teams(tx)
        if team.slug.startswith(begins) or team.name.casefold().startswith(begins)
    )
    rest = sorted(
        (team for team in found if natural_key(team.slug) > seen),
        key=lambda team: natural_key(team.slug),
    )
    looking = _LookingAtTeams(tx, configuration)
    teams = tuple(looking.team(team, limit=POLICIES_OF_EACH) for team in rest[:limit])
    return ShownTeams(teams, rest[limit - 1].slug if len(rest) > limit else None)


def show_team(
    tx: Tx, configuration: Configuration, slug: str, *, after: str = "", limit: int = POLICIES
) -> ShownTeam:
    """Return a team with those of its policies that come after a slug. Raises: NotConfigured."""
    team = require_team(tx, slug)
    return _LookingAtTeams(tx, configuration).team(team, after=after, limit=limit)


def require_team(tx: Tx, slug: str) -> Team:
    """Return a team. Raises: NotConfigured."""
    known = {team.slug: team for team in list_teams(tx)}
    if slug not in known:
        raise not_configured(ObjectKind.TEAM, slug, nearest(slug, known))
    return known[slug]


class _LookingAtTeams:
    """What is looked up once for all teams."""

    def __init__(self, tx: Tx, configuration: Configuration) -> None:
        self._looking = Looking(tx, configuration)
        self._policies: dict[str, list[Policy]] = {}
        for policy in sorted(configuration.policies.values(), key=lambda policy: policy.slug):
            self._policies.setdefault(policy.team_slug, []).append(policy)
        self._running, self._is_all = _running_by_policy(tx)

    def team(self, team: Team, *, after: str = "", limit: int) -> ShownTeam:
        policies = self._policies.get(team.slug, [])
        rest = [policy for policy in policies if policy.slug > after]
        return ShownTeam(
            team,
            tuple(self._line(policy) for policy in rest[:limit]),
            policy_count=len(policies),
            next_after=rest[limit - 1].slug if len(rest) > limit else None,
            running=self._count(policies),
        )

    def _line(self, policy: Policy) -> PolicyLine:
        described = self._looking.described(policy)
        return PolicyLine(
            policy,
            described,
            foresee(described.steps, described.repeat),
            self._looking.advice(policy),
            self._looking.routing_keys(policy),
            self._count([policy]),
        )

    def _count(self, policies: Sequence[Policy]) -> RunningCount:
        incidents: set[int] = set()
        for policy in policies:
            incidents |= self._running.get(policy.id, set())
        return RunningCount(len(incidents), self._is_all)


def _running_by_policy(tx: Tx) -> tuple[Mapping[int, set[int]], bool]:
    running = find_running(tx, most=MOST_RUNNING)
    found: dict[int, set[int]] = {}
    for version in find_versions(tx, running.incidents):
        found.setdefault(version.policy_id, set()).update(running.incidents[version.id])
    return found, running.is_all
