"""The management API: every route, behind one gate, with one shape for refusals."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp

from tocsin.api import (
    alerts,
    configuration,
    deliveries,
    engine,
    incident_actions,
    incidents,
    keys,
    policies,
    probes,
    routing,
    teams,
    tokens,
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
from tocsin.api.field_types import ErrorAnswer
from tocsin.api.gate import OPENAPI, Gate
from tocsin.api.known_query import known_query_only
from tocsin.api.services import Services
from tocsin.api.transactions import Transactions
from tocsin.errors import TocsinError

PREFIX: Final = "/api/v1"
NOUNS: Final = (
    incidents,
    incident_actions,
    alerts,
    deliveries,
    why,
    webhooks,
    webhook_check,
    policies,
    teams,
    routing,
    keys,
    tokens,
    configuration,
    engine,
)
_REFUSALS: Final = {
    400: "A part of the request cannot be read",
    401: "No token that is in force",
    403: "The token's scope does not cover this",
    404: "There is no such thing",
    409: "It stands against what there is",
    413: "The body is too large",
    422: "The request is not valid; `fields` says which parts",
    500: "A bug; the log tells more under the id",
    503: "The store does not take it; nothing was changed, try again",
}
_ERROR_SCHEMA: Final = f"#/components/schemas/{ErrorAnswer.__name__}"
_DESCRIPTION: Final = """\
Manages a Tocsin server: incidents, alerts and deliveries; webhooks, policies and routing.

* Send a token: `Authorization: Bearer tsn_...`. Scopes are read < respond < administer.
* Every refusal has one shape, `{"error": {"code", "message", "fields"}}`; programs go by `code`.
* Lists are `{"items", "next_cursor"}`, newest first; `limit` and `cursor` page through long ones.
* Instants are ISO 8601 in UTC with microseconds; lengths of time have their unit: `90s`, `10m`.
* A POST that creates takes an `Idempotency-Key`: sent again, it gets the first answer.
* A change answers with the object as it is now, and `changed`, which is false if it was so already.
"""


def make_api(services: Services) -> ASGIApp:
    """Return the ASGI application of everything but the alerts' own path."""
    transactions = Transactions(services)
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
        generate_unique_id_function=_operation_id,
    )
    app.state.transactions = transactions
    # One route names the model, so that the document has the schema that all others refer to.
    bug: dict[int | str, dict[str, Any]] = {
        500: {"model": ErrorAnswer, "description": _REFUSALS[500]}
    }
    app.include_router(probes.router, responses=bug | _answers(422, 503))
    app.include_router(_management())
    app.add_exception_handler(TocsinError, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_middleware(
        Gate, transactions=transactions, new_id=lambda: services.random_bytes(8).hex()
    )
    return app


def _management() -> APIRouter:
    router = APIRouter(
        prefix=PREFIX,
        responses=_answers(*_REFUSALS),
        dependencies=[Depends(known_query_only)],
    )
    for noun in NOUNS:
        router.include_router(noun.router)
    return router


def _operation_id(route: APIRoute) -> str:
    (tag,) = route.tags
    return f"{tag}_{route.name}".replace(" ", "_")


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe refusals by reference: a model each would be built 500 times at every start."""
    shape = {"application/json": {"schema": {"$ref": _ERROR_SCHEMA}}}
    return {status: {"description": _REFUSALS[status], "content": shape} for status in statuses}


def _lifespan(services: Services, transactions: Transactions) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await services.keyring.refresh()
        yield
        transactions.close()

    return lifespan


async def _on_refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, TocsinError)
    return error_response(error)


async def _on_invalid(_request: Request, error: Exception) -> Response:
    """Name each part that is wrong, and never repeat its value: it may be a secret."""
    assert isinstance(error, RequestValidationError)
    found = {
        ".".join(map(str, each["loc"])): str(each["msg"]).removeprefix("Value error, ")
        for each in error.errors()
    }
    told = "; ".join(f"{part}: {wrong}" for part, wrong in list(found.items())[:3])
    return error_response(InvalidRequest(f"Correct the request: {told}", **found))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            return error_response(NotFound(f"There is nothing at this path; see {OPENAPI}"))
        case 405:
            allowed = ", ".join(sorted(_methods(request)))
            refusal = MethodNotAllowed(f"This path takes {allowed}", allowed=allowed)
            return error_response(refusal, headers={"allow": allowed})
    return error_response(InvalidRequest(str(error.detail)))


def _methods(request: Request) -> set[str]:
    """Return every method that this path takes; the framework names those of one route alone."""
    return {
        method.upper()
        for path, operations in request.app.openapi()["paths"].items()
        if compile_path(path)[0].match(request.url.path)
        for method in operations
    }
