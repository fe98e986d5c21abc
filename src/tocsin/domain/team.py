"""Teams: whose an escalation policy is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Team:
    """A team, named by its slug in files, commands and URLs."""

    id: int
    slug: str
    name: str
