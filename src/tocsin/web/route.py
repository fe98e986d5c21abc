"""What a page is: a path, a method, who may, and the function that answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from starlette.responses import Response

from tocsin.domain.principal import Principal, Scope
from tocsin.domain.session import SignedIn
from tocsin.web.refusals import NotAllowed, SignInFirst
from tocsin.web.visit import Visit


class Access(StrEnum):
    """Who may see a page, or press its button. Each includes those after it, TEAM but for its own team alone."""

    PUBLIC = "public"
    """Everybody, signed in or not."""
    READ = "read"
    RESPOND = "respond"
    TEAM = "team"
    """Administrators, and the team administrators of the `team` in the path."""
    ADMINISTER = "administer"

    def admits(self, principal: Principal, params: Mapping[str, Any]) -> bool:
        """Return whether who is signed in may. Units: `params` are those of the path."""
        match self:
            case Access.PUBLIC:
                return True
            case Access.TEAM:
                return principal.may_administer(params["team"])
        return principal.scope.covers(Scope(self.value))


@dataclass(frozen=True, slots=True)
class Route:
    """One path with one method. `path` is in the framework's form: `/incidents/{number:int}`."""

    path: str
    method: str
    needs: Access
    run: Callable[[Visit], Awaitable[Response]]
    secrets: frozenset[str] = frozenset()
    """The names of fields that are never handed back to whoever sent them."""


@dataclass(frozen=True, slots=True)
class Found:
    """The route of a path, and what stands in the path."""

    route: Route
    params: dict[str, Any]

    def admit(self, who: SignedIn | None) -> None:
        """Raises: SignInFirst, NotAllowed."""
        needs = self.route.needs
        if needs is Access.PUBLIC:
            return
        if who is None:
            raise SignInFirst
        if not needs.admits(who.principal, self.params):
            raise NotAllowed(needs.value, who.principal.name)
