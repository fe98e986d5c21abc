"""A filter that is misspelt must not silently give everything."""

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from tocsin.api.failures import InvalidRequest


async def known_query_only(request: Request) -> None:
    """Refuse query parameters that the route does not take. Raises: InvalidRequest."""
    if not request.query_params:
        return
    route: APIRoute = request.scope["route"]
    known = set(_names(route.dependant))
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        takes = ", ".join(sorted(known)) or "none"
        raise InvalidRequest(
            f"Correct the request: of query parameters this path takes {takes}",
            **{f"query.{name[:100]}": "There is no such parameter here" for name in unknown[:20]},
        )


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)
