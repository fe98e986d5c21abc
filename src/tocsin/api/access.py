"""Who may call a route: each names the scope it needs, and the document says so."""

from typing import Annotated, Any, Final

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from tocsin.domain.principal import Principal, Scope

_BEARER: Final = HTTPBearer(
    auto_error=False,  # the gate has refused by now
    scheme_name="token",
    bearerFormat="tsn_...",
    description="A token that `tocsin tokens add NAME` made. Scopes: read < respond < administer.",
)


class Needs:
    """A dependency that lets in whose token has a scope. Raises: ScopeTooNarrow."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(
        self,
        request: Request,
        _token: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    ) -> Principal:
        principal: Principal = request.state.principal
        principal.require(self.scope)
        return principal


class NeedsTeam(Needs):
    """Lets in administrators, and whoever administers the `team` in the path.

    Where there is none, whoever administers any; the route then asks `may_edit_policies_of`.
    """

    def __init__(self) -> None:
        super().__init__(Scope.ADMINISTER)

    async def __call__(
        self,
        request: Request,
        _token: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    ) -> Principal:
        principal: Principal = request.state.principal
        team = request.path_params.get("team")
        if not (principal.teams if team is None else principal.may_administer(team)):
            principal.require(self.scope)
        return principal


def may_edit_policies_of(principal: Principal, team: str) -> None:
    """Raises: ScopeTooNarrow."""
    if not principal.may_administer(team):
        principal.require(Scope.ADMINISTER)


def _needs(scope: Scope) -> Any:
    return Security(Needs(scope), scopes=[scope.value])


Reader = Annotated[Principal, _needs(Scope.READ)]
Responder = Annotated[Principal, _needs(Scope.RESPOND)]
Administrator = Annotated[Principal, _needs(Scope.ADMINISTER)]
TeamAdministrator = Annotated[Principal, Security(NeedsTeam(), scopes=[Scope.ADMINISTER.value])]
"""Also who administers the team in question, whatever their scope."""
READS: Final = [_needs(Scope.READ)]
"""For a route that does not ask who it is."""
ADMINISTERS: Final = [_needs(Scope.ADMINISTER)]
