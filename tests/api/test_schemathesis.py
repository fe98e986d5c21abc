"""Whatever a client may send by the OpenAPI document, and much that it may not, is answered by it."""

from collections.abc import Iterator
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
from tocsin.store.database import Database

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
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """One server for all operations: what some make, others find."""
    from tocsin.store import schema

    database = Database(f"sqlite:///{tmp_path_factory.mktemp('schemathesis') / 'api.db'}")
    with database.write() as tx:
        schema.metadata.create_all(tx.core)
    with Harness(database).serving() as harness:
        harness.open_incident()
        yield harness
    database.close()


@pytest.fixture(scope="module")
def document(served: Harness) -> BaseSchema:
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
