"""Tokens: who may use this API."""

from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from tocsin.actions import tokens
from tocsin.actions.incident_set import Context
from tocsin.api.access import ADMINISTERS, Administrator
from tocsin.api.declaring import management
from tocsin.api.dependencies import Once, Work
from tocsin.api.field_types import AnswerModel, Instant, Page, RequestModel
from tocsin.domain.principal import Scope, Token
from tocsin.service.editing import edit, editor_of
from tocsin.store.database import Tx

router: Final = management("tokens", prefix="/tokens")


class TokenAnswer(AnswerModel):
    """A token, without the secret: only its maker saw that."""

    name: Annotated[str, Field(examples=["deploy"])]
    scope: Scope
    hint: Annotated[str, Field(description="How it begins", examples=["tsn_5fQx..."])]
    created_at: Instant
    revoked_at: Instant | None
    user: Annotated[
        str | None, Field(description="Whose it is; null: nobody's in particular", examples=["ana"])
    ]


class CreatedTokenAnswer(TokenAnswer):
    """A token that was made. This is the only time that its secret is shown."""

    token: str
    changed: bool


class NewToken(RequestModel):
    """A token to make."""

    name: Annotated[str, Field(min_length=1, max_length=64, examples=["deploy"])]
    scope: Annotated[Scope, Field(strict=False, description="Each includes those before it")]


@router.get("", summary="List tokens", dependencies=ADMINISTERS)
async def list_tokens(work: Work) -> Page[TokenAnswer]:
    """All that ever were, those in force first."""
    found = await work.read(tokens.list_tokens)
    return Page(items=[TokenAnswer(**_render(token)) for token in found])


@router.post(
    "", summary="Make a token", status_code=201, responses={201: {"model": CreatedTokenAnswer}}
)
async def create_token(principal: Administrator, work: Work, once: Once, new: NewToken) -> Response:
    def create(tx: Tx, context: Context) -> CreatedTokenAnswer:
        editor = editor_of(work, context, principal)
        made = tokens.create_token(tx, name=new.name, scope=new.scope, editor=editor)
        return CreatedTokenAnswer(**_render(made.token), token=made.secret.reveal(), changed=True)

    return await once.run(create)


@router.delete("/{name:path}", summary="Revoke a token", status_code=204)
async def revoke_token(
    principal: Administrator, work: Work, name: Annotated[str, Path(max_length=130)]
) -> None:
    """The last token that can administer stays: `last_administrator`. A user's token is called `user/name`."""
    await edit(work, principal, lambda tx, editor: tokens.revoke_token(tx, name, editor=editor))


def _render(token: Token) -> dict[str, Any]:
    return {
        "name": token.name,
        "scope": token.scope,
        "hint": token.hint,
        "created_at": token.created_at,
        "revoked_at": token.revoked_at,
        "user": token.user,
    }
