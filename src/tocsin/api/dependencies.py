"""What routes are handed: transactions, and the way to create something only once."""

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Depends, Header, Query, Request
from pydantic import AfterValidator, BaseModel
from starlette.responses import Response

from tocsin.actions.idempotency import LONGEST_KEY, Repeatable, once
from tocsin.actions.incident_set import Context
from tocsin.domain.alert import stored_entity_id
from tocsin.domain.principal import Principal
from tocsin.service.cursors import ITEMS, LONGEST_CURSOR, MOST_ITEMS
from tocsin.service.transactions import Transactions
from tocsin.store.database import Tx

Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many items at the most")]
Cursor = Annotated[
    str | None,
    Query(max_length=LONGEST_CURSOR, description="`next_cursor` of the page before this one"),
]
EntityId = Annotated[
    str | None,
    Query(max_length=4096, description="As senders spell it", examples=["db-1/disk"]),
    AfterValidator(lambda given: given and stored_entity_id(given)),
]
STORABLE: Final = r"^[^\x00]*$"
USUAL_LIMIT: Final = ITEMS


def _transactions(request: Request) -> Transactions:
    transactions: Transactions = request.app.state.transactions
    return transactions


Work = Annotated[Transactions, Depends(_transactions)]


class Creation:
    """One request that creates something; with an Idempotency-Key it does so only once."""

    def __init__(self, transactions: Transactions, repeatable: Repeatable | None) -> None:
        self._transactions = transactions
        self._repeatable = repeatable

    async def run(
        self, create: Callable[[Tx, Context], BaseModel], *, status: int = 201, urgent: bool = False
    ) -> Response:
        """Return the answer: that of the first time, if this request came before.

        Raises: IdempotencyKeyReused, and what `create` raises; a refusal is not remembered.
        """
        repeatable, vault = self._repeatable, self._transactions.services.vault

        def work(tx: Tx, context: Context) -> tuple[int, str]:
            def act() -> tuple[int, str]:
                return status, create(tx, context).model_dump_json()

            if repeatable is None:
                return act()
            return once(tx, repeatable, act, now=context.now, vault=vault)

        status_, text = await self._transactions.change(work, urgent=urgent)
        return Response(text, status_code=status_, media_type="application/json")


async def _creation(
    request: Request,
    transactions: Work,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=LONGEST_KEY,
            pattern=r"^[!-~]+$",
            description="Any text, such as a UUID. Sent again within 24 hours with the same request, "
            "it gets the first answer and changes nothing.",
        ),
    ] = None,
) -> Creation:
    if idempotency_key is None:
        return Creation(transactions, None)
    principal: Principal = request.state.principal
    asked = f"{request.method} {request.url.path}\n".encode() + await request.body()
    return Creation(transactions, Repeatable(principal.token_id, idempotency_key, asked))


Once = Annotated[Creation, Depends(_creation)]
