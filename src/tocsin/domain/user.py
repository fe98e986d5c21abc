"""Users: people who sign in to the pages, and what they may do there."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final

from tocsin.domain.principal import Principal, Scope
from tocsin.domain.wording import listed
from tocsin.errors import TocsinError

UTC_ZONE: Final = "UTC"
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 200
_FEWEST_CHARACTERS: Final = 5


class UserRole(StrEnum):
    """What a person may do. The values are public and never change."""

    VIEWER = "viewer"
    RESPONDER = "responder"
    TEAM_ADMINISTRATOR = "team_administrator"
    """A responder who also edits the policies of some teams."""
    ADMINISTRATOR = "administrator"

    @property
    def scope(self) -> Scope:
        return _SCOPES[self]

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


_SCOPES: Final = {
    UserRole.VIEWER: Scope.READ,
    UserRole.RESPONDER: Scope.RESPOND,
    UserRole.TEAM_ADMINISTRATOR: Scope.RESPOND,
    UserRole.ADMINISTRATOR: Scope.ADMINISTER,
}


class UnknownUserRole(TocsinError):
    """There is no role of this name."""

    code: ClassVar[str] = "unknown_user_role"
    status_hint: ClassVar[int] = 422


class InvalidUserTeams(TocsinError):
    """The role does not go with these teams."""

    code: ClassVar[str] = "invalid_user_teams"
    status_hint: ClassVar[int] = 422


class InvalidPassword(TocsinError):
    """The text may not be a password."""

    code: ClassVar[str] = "invalid_password"
    status_hint: ClassVar[int] = 422


@dataclass(frozen=True, slots=True)
class User:
    """A person, as listings know them: nothing of the password but whether there is one."""

    id: int
    name: str
    """A slug. They sign in by it, and timelines say it."""
    role: UserRole
    created_at: datetime
    teams: tuple[str, ...] = ()
    """Slugs of the teams that a team administrator administers."""
    time_zone: str = UTC_ZONE
    has_password: bool = False
    signed_in_at: datetime | None = None
    """When they signed in last; None: they never have."""
    disabled_at: datetime | None = None

    @property
    def may_administer_all(self) -> bool:
        return self.role is UserRole.ADMINISTRATOR and self.disabled_at is None

    def principal(self, credential_id: int) -> Principal:
        """Return who asks when this person shows a session, by its id."""
        return Principal(
            credential_id,
            self.name,
            self.role.scope,
            user=self.name,
            teams=administered(self.role, self.teams),
        )


def administered(role: UserRole, teams: Iterable[str]) -> frozenset[str]:
    """Return the teams that somebody administers who has a role and these teams."""
    return frozenset(teams) if role is UserRole.TEAM_ADMINISTRATOR else frozenset()


def parse_user_role(text: str) -> UserRole:
    """Raises: UnknownUserRole, with those there are."""
    try:
        return UserRole(text)
    except ValueError:
        known = listed([role.value for role in UserRole])
        raise UnknownUserRole(
            f"{text[:40]!r} is no role of a user: choose one of {known}", given=text[:40]
        ) from None


def check_teams(role: UserRole, teams: Iterable[str]) -> tuple[str, ...]:
    """Return the teams in order, each once. Raises: InvalidUserTeams."""
    chosen = tuple(sorted(set(teams)))
    if bool(chosen) != (role is UserRole.TEAM_ADMINISTRATOR):
        raise InvalidUserTeams(
            f"Name the teams that a {UserRole.TEAM_ADMINISTRATOR.words} administers, and none for "
            "any other role",
            role=role.value,
        )
    return chosen


def check_password(text: str, *, name: str) -> None:
    """Raises: InvalidPassword, if it is too short, too long, the user's name, or hardly more than one character.

    Length is what counts: nothing is asked of its characters, which only makes them predictable (NIST SP 800-63B).
    """
    if not SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD:
        raise InvalidPassword(
            f"Choose a password of {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; a few words "
            "that you can remember will do"
        )
    without_name = text.casefold().replace(name.casefold(), "")
    if len(set(without_name)) < _FEWEST_CHARACTERS:
        raise InvalidPassword(
            "Choose another password: this one is your name, or a few characters again and again"
        )


def password_bytes(text: str) -> bytes:
    """Return what is hashed. Keyboards write an accent in more than one way, which Unicode calls the same."""
    return unicodedata.normalize("NFC", text).encode(errors="surrogatepass")
