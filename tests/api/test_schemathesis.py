"""Whatever a client may send by the OpenAPI document, and much that it may not, is answered by it."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi import checks
from tests.api.harness import Harness
from tests.api.test_access import ROUTES

from tocsin.api.gate import OPENAPI
from tocsin.domain.principal import Scope

CHECKS: tuple[CheckFunction, ...] = (
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.ignored_auth,
    checks.unsupported_method,
)


@pytest.fixture(scope="module")
def document(served: Harness) -> BaseSchema:
    """What some operations make, others find: nothing is cleared between them."""
    served.begin_anew()
    served.open_incident()
    schemathesis_schema: BaseSchema = schemathesis.openapi.from_url(f"{served.url}{OPENAPI}")
    return schemathesis_schema


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_the_document_is_true(
    served: Harness, document: BaseSchema, method: str, path: str
) -> None:
    """No 500; every status, type and body is documented; what is invalid is refused."""
    headers = {"Authorization": f"Bearer {served.tokens[Scope.ADMINISTER]}"}
    operation = document[path][method]

    @settings(
        max_examples=10,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(
        case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    )
    def check(case: Case[Any]) -> None:
        case.call_and_validate(headers=headers, checks=list(CHECKS))

    check()
