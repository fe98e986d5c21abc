"""How a noun of the management API declares its routes.

Each is complete where it is declared. A router that is included gives its routes anew what the outer
one adds, and builds them all over: a tenth of a second at the start, and again, on the loop that pages
wait for, when the first request comes.
"""

from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute

from tocsin.api.field_types import ErrorAnswer
from tocsin.api.known_query import known_query_only

PREFIX: Final = "/api/v1"
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


def management(tag: str, *, prefix: str = "") -> APIRouter:
    """Return the router of a noun: below the API's prefix, for who shows a token."""
    return APIRouter(
        prefix=PREFIX + prefix,
        tags=[tag],
        responses=_answers(*_REFUSALS),
        dependencies=[Depends(known_query_only)],
        generate_unique_id_function=_operation_id,
    )


def for_machines(tag: str) -> APIRouter:
    """Return the router of what is asked without a token."""
    # One route names the model, so that the document has the schema that all others refer to.
    bug: dict[int | str, dict[str, Any]] = {
        500: {"model": ErrorAnswer, "description": _REFUSALS[500]}
    }
    return APIRouter(
        tags=[tag],
        responses=bug | _answers(422, 503),
        generate_unique_id_function=_operation_id,
    )


def _operation_id(route: APIRoute) -> str:
    (tag,) = route.tags
    return f"{tag}_{route.name}".replace(" ", "_")


def _answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe refusals by reference: a model each would be built 500 times at every start."""
    shape = {"application/json": {"schema": {"$ref": _ERROR_SCHEMA}}}
    return {status: {"description": _REFUSALS[status], "content": shape} for status in statuses}
