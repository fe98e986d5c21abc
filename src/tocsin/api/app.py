"""The management API: every route, behind one gate, with one shape for refusals."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp

from tocsin.api import (
    alerts,
    configuration,
    deliveries,
    engine,
    heartbeats,
    incident_actions,
    incidents,
    keys,
    lateness,
    master_key,
    nodes,
    policies,
    probes,
    retention,
    rotation,
    routing,
    send_again,
    teams,
    timeline,
    tokens,
    trying_routes,
    users,
    webhook_check,
    webhooks,
    why,
)
from tocsin.api.failures import (
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    error_response,
)
from tocsin.api.gate import OPENAPI, Gate
from tocsin.errors import TocsinError
from tocsin.service.services import Services
from tocsin.service.transactions import Transactions

NOUNS: Final = (
    probes,
    incidents,
    incident_actions,
    alerts,
    deliveries,
    send_again,
    timeline,
    why,
    webhooks,
    webhook_check,
    rotation,
    policies,
    teams,
    routing,
    trying_routes,
    keys,
    heartbeats,
    tokens,
    users,
    configuration,
    master_key,
    retention,
    engine,
    lateness,
    nodes,
)
_DESCRIPTION: Final = """\
Manages a Tocsin server: incidents, alerts and deliveries; webhooks, policies and routing.

* Send a token: `Authorization: Bearer tsn_...`. Scopes are read < respond < administer.
* Every refusal has one shape, `{"error": {"code", "message", "fields"}}`; programs go by `code`.
* Lists are `{"items", "next_cursor"}`, newest first; `limit` and `cursor` page through long ones.
* Instants are ISO 8601 in UTC with microseconds; lengths of time have their unit: `90s`, `10m`.
* A POST that creates takes an `Idempotency-Key`: sent again, it gets the first answer.
* A change answers with the object as it is now, and `changed`, which is false if it was so already.
"""


def make_api(services: Services, transactions: Transactions) -> ASGIApp:
    """Return the ASGI application of everything but the alerts' own path and one-time links."""
    app = FastAPI(
        title="Tocsin",
        version=services.version,
        description=_DESCRIPTION,
        openapi_url=OPENAPI,
        docs_url=None,  # would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(services, transactions),
        separate_input_output_schemas=False,
        # As they are, and not included: see `tocsin.api.declaring`.
        routes=[route for noun in NOUNS for route in noun.router.routes],
    )
    app.state.transactions = transactions
    app.add_exception_handler(TocsinError, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_middleware(
        Gate, transactions=transactions, new_id=lambda: services.random_bytes(8).hex()
    )
    return app


def _lifespan(services: Services, transactions: Transactions) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await services.keyring.refresh()
        yield
        transactions.close()

    return lifespan


def _refuse(
    request: Request, error: TocsinError, *, headers: Mapping[str, str] | None = None
) -> Response:
    transactions: Transactions = request.app.state.transactions
    return error_response(error, transactions.services.cache.mask, headers=headers)


async def _on_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, TocsinError)
    return _refuse(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    """Name each part that is wrong, and never repeat its value: it may be a secret."""
    assert isinstance(error, RequestValidationError)
    found = {
        ".".join(map(str, each["loc"])): str(each["msg"]).removeprefix("Value error, ")
        for each in error.errors()
    }
    told = "; ".join(f"{part}: {wrong}" for part, wrong in list(found.items())[:3])
    return _refuse(request, InvalidRequest(f"Correct the request: {told}", **found))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            return _refuse(request, NotFound(f"There is nothing at this path; see {OPENAPI}"))
        case 405:
            allowed = ", ".join(sorted(_methods(request)))
            refusal = MethodNotAllowed(f"This path takes {allowed}", allowed=allowed)
            return _refuse(request, refusal, headers={"allow": allowed})
    return _refuse(request, InvalidRequest(str(error.detail)))


def _methods(request: Request) -> set[str]:
    """Return every method that this path takes; the framework names those of one route alone."""
    return {
        method.upper()
        for path, operations in request.app.openapi()["paths"].items()
        if compile_path(path)[0].match(request.url.path)
        for method in operations
    }
