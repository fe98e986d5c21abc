"""Alert keys: what senders show in the URL they post to."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from tocsin.actions import alert_keys
from tocsin.actions.alert_keys import COUNTED_DAYS, ShownAlertKey
from tocsin.actions.incident_set import Context
from tocsin.api.access import READS, Administrator
from tocsin.api.declaring import management
from tocsin.api.dependencies import Once, Work
from tocsin.api.field_types import AnswerModel, Instant, Page, RequestModel
from tocsin.domain.alert_key import LONGEST_KEY, SHORTEST_KEY
from tocsin.domain.fate import Fate
from tocsin.domain.intake import ALERT_PATH
from tocsin.service.editing import edit, editor_of
from tocsin.store.database import Tx

router: Final = management("alert keys", prefix="/keys")


class KeyAnswer(AnswerModel):
    """An alert key, without the key itself: only its maker saw that."""

    name: Annotated[str, Field(examples=["alertmanager"])]
    hint: Annotated[str, Field(description="How it begins", examples=["5f2c..."])]
    created_at: Instant
    revoked_at: Instant | None
    alerts: Annotated[
        int, Field(description=f"How many came by it in the last {COUNTED_DAYS} days")
    ]
    paged_nobody: Annotated[
        int, Field(description="How many of them paged nobody, and joined nothing that did")
    ]
    fates: Annotated[
        Mapping[Fate, int],
        Field(description="How many had which fate", examples=[{"paged": 12, "unknown_type": 3}]),
    ]


class CreatedKey(KeyAnswer):
    """An alert key that was made. This is the only time that it is shown."""

    key: str
    url: Annotated[str, Field(description="Ready to paste; a routing key goes behind it")]
    changed: bool


class NewKey(RequestModel):
    """An alert key to make, or one that senders have already."""

    name: Annotated[str, Field(min_length=1, max_length=64, examples=["alertmanager"])]
    key: Annotated[
        str | None,
        Field(
            min_length=SHORTEST_KEY,
            max_length=LONGEST_KEY,
            description="Left out, one is made. Given, senders keep their URL",
        ),
    ] = None


@router.get("", summary="List alert keys", dependencies=READS)
async def list_keys(work: Work) -> Page[KeyAnswer]:
    """Those in force by name, then those that were revoked."""
    now = work.services.clock.now()
    found = await work.read(lambda tx: alert_keys.list_alert_keys(tx, now=now))
    return Page(items=[KeyAnswer(**_render(each)) for each in found])


@router.post(
    "", summary="Make an alert key", status_code=201, responses={201: {"model": CreatedKey}}
)
async def create_key(principal: Administrator, work: Work, once: Once, new: NewKey) -> Response:
    """It works as soon as this is answered."""
    services = work.services

    def create(tx: Tx, context: Context) -> CreatedKey:
        editor = editor_of(work, context, principal)
        made = alert_keys.create_alert_key(tx, name=new.name, key=new.key, editor=editor)
        key = made.secret.reveal()
        url = f"{services.public_url}{ALERT_PATH}{key}/"
        shown = ShownAlertKey(made.alert_key, {}, None)
        return CreatedKey(**_render(shown), key=key, url=url, changed=True)

    answer = await once.run(create)
    await services.keyring.refresh()
    return answer


@router.delete("/{name}", summary="Revoke an alert key", status_code=204)
async def revoke_key(
    principal: Administrator, work: Work, name: Annotated[str, Path(max_length=64)]
) -> None:
    """Its alerts get 404 as soon as this is answered."""
    await edit(
        work,
        principal,
        lambda tx, editor: alert_keys.revoke_alert_key(tx, name, editor=editor),
    )
    await work.services.keyring.refresh()


def _render(shown: ShownAlertKey) -> dict[str, Any]:
    key = shown.alert_key
    return {
        "name": key.name,
        "hint": key.hint,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
        "alerts": shown.alerts,
        "paged_nobody": shown.paged_nobody,
        "fates": dict(shown.fates),
    }
