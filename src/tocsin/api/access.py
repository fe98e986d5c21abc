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


def _needs(scope: Scope) -> Any:
    return Security(Needs(scope), scopes=[scope.value])


Reader = Annotated[Principal, _needs(Scope.READ)]
Responder = Annotated[Principal, _needs(Scope.RESPOND)]
Administrator = Annotated[Principal, _needs(Scope.ADMINISTER)]
READS: Final = [_needs(Scope.READ)]
"""For a route that does not ask who it is."""
ADMINISTERS: Final = [_needs(Scope.ADMINISTER)]
