"""The one shape of every refusal of the API."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.responses import Response

from tocsin.domain.masking import Masking
from tocsin.errors import TocsinError

RETRY_AFTER_SECONDS = 2


class NotFound(TocsinError):
    """There is nothing at this path."""

    code: ClassVar[str] = "not_found"
    status_hint: ClassVar[int] = 404


class MethodNotAllowed(TocsinError):
    """This path exists, but not with this method; the Allow header lists those that do."""

    code: ClassVar[str] = "method_not_allowed"
    status_hint: ClassVar[int] = 405


class InvalidRequest(TocsinError):
    """The request could not be understood; `fields` says what is wrong with each part."""

    code: ClassVar[str] = "invalid_request"
    status_hint: ClassVar[int] = 422


def error_json(error: TocsinError, mask: Masking) -> bytes:
    """Return the body: {"error": {"code", "message", "fields"}}.

    A refusal repeats what was wrong, and that may be a secret that stood in the wrong place.
    """
    fields = _masked(error.fields, mask)
    body = {"error": {"code": error.code, "message": mask(error.message), "fields": fields}}
    return json.dumps(body, default=str).encode()


def _masked(fact: Any, mask: Masking) -> Any:
    match fact:
        case str():
            return mask(fact)
        case Mapping():
            return {mask(name): _masked(value, mask) for name, value in fact.items()}
        case list() | tuple():
            return [_masked(value, mask) for value in fact]
    return fact


def headers_of(error: TocsinError) -> dict[str, str]:
    """Return the headers that go with an error's status."""
    match error.status_hint:
        case 401:
            return {"www-authenticate": "Bearer"}
        case 413:  # the rest of the body is not read, so nothing can follow it
            return {"connection": "close"}
        case 503:
            return {"retry-after": str(RETRY_AFTER_SECONDS)}
    return {}


def error_response(
    error: TocsinError, mask: Masking, *, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        error_json(error, mask),
        status_code=error.status_hint,
        media_type="application/json",
        headers={**headers_of(error), **(headers or {})},
    )
