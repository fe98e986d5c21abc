"""Changing a webhook's auth code while its receiver goes on verifying."""

from collections.abc import Callable
from typing import Annotated, Final, Self

from pydantic import ConfigDict, Field, model_validator

from tocsin.actions import rotation
from tocsin.actions.editor import Editor
from tocsin.api.access import Administrator
from tocsin.api.declaring import management
from tocsin.api.dependencies import Work
from tocsin.api.field_types import Duration, GivenInstant, RequestModel
from tocsin.api.webhooks import ChangedWebhook, GivenAuthCode, Slug, render_webhook
from tocsin.domain.principal import Principal
from tocsin.domain.webhook import Webhook
from tocsin.service.editing import edit
from tocsin.service.transactions import Transactions
from tocsin.store.database import Tx

router: Final = management("webhooks", prefix="/webhooks")


class Rotation(RequestModel):
    """A pending auth code, and when it takes over: without an instant, when somebody says so."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"promote_in": "24h"}]})
    auth_code: GivenAuthCode = None
    promote_at: Annotated[GivenInstant | None, Field(description="Within a year from now")] = None
    promote_in: Annotated[Duration | None, Field(description="The same, counted from now")] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.promote_at is not None and self.promote_in is not None:
            raise ValueError("give promote_at or promote_in, not both")
        return self


@router.post("/{slug}/rotate", summary="Begin to change a webhook's secret")
async def rotate_auth_code(
    principal: Administrator, work: Work, slug: Slug, given: Rotation
) -> ChangedWebhook:
    """Makes a pending auth code, unless one is given; see it with `GET /webhooks/{slug}/auth-code`.

    Standard Webhooks signatures are made with both codes from now on, VictorOps' with the old one.
    Refused with `rotation_under_way` while there is a pending code.
    """
    promote_at = given.promote_in if given.promote_at is None else given.promote_at
    return await _change(
        work,
        principal,
        lambda tx, editor: rotation.rotate_auth_code(
            tx, slug, auth_code=given.auth_code, promote_at=promote_at, editor=editor
        ),
    )


@router.post("/{slug}/promote", summary="Put a webhook's pending secret in force")
async def promote_auth_code(principal: Administrator, work: Work, slug: Slug) -> ChangedWebhook:
    """It alone signs from now on, and the one before is destroyed. Without one nothing changes."""
    return await _change(
        work, principal, lambda tx, editor: rotation.promote_auth_code(tx, slug, editor=editor)
    )


@router.post("/{slug}/cancel-rotation", summary="Take a webhook's pending secret away")
async def cancel_rotation(principal: Administrator, work: Work, slug: Slug) -> ChangedWebhook:
    """It is destroyed. Without one nothing changes."""
    return await _change(
        work, principal, lambda tx, editor: rotation.cancel_rotation(tx, slug, editor=editor)
    )


async def _change(
    work: Transactions, principal: Principal, change: Callable[[Tx, Editor], Webhook]
) -> ChangedWebhook:
    webhook, changed = await edit(work, principal, change)
    return ChangedWebhook(**render_webhook(webhook, principal.scope), changed=changed)
