"""Tokens: who may use the management API, and for what."""

from dataclasses import dataclass
from typing import ClassVar

from tocsin.actions.editor import Editor
from tocsin.domain.principal import (
    TOKEN_BYTES,
    Principal,
    Scope,
    Token,
    make_token,
    token_hash,
    token_hint,
    unauthenticated,
)
from tocsin.domain.slug import parse_slug
from tocsin.domain.user import User
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.store import tokens
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx


class TokenNotFound(TocsinError):
    """No token in force has this name."""

    code: ClassVar[str] = "token_not_found"
    status_hint: ClassVar[int] = 404


class TokenExists(TocsinError):
    """A token in force has this name already."""

    code: ClassVar[str] = "token_exists"
    status_hint: ClassVar[int] = 409


class LastAdministrator(TocsinError):
    """Without this token nobody could administer anything."""

    code: ClassVar[str] = "last_administrator"
    status_hint: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class CreatedToken:
    """A token, and the secret that is shown this once."""

    token: Token
    secret: Secret


def authenticate(tx: Tx, text: str) -> Principal:
    """Return whose token this is. Raises: NotAuthenticated, the same for whatever is wrong."""
    principal = tokens.find_principal(tx, token_hash(text))
    if principal is None:
        raise unauthenticated()
    return principal


def list_tokens(tx: Tx) -> list[Token]:
    """Return all tokens ever made, those in force first, without their secrets."""
    return tokens.list_tokens(tx)


def create_token(tx: Tx, *, name: str, scope: Scope, editor: Editor) -> CreatedToken:
    """Make a token. Raises: InvalidSlug, TokenExists."""
    return _create(tx, parse_slug(name), scope, editor=editor)


def revoke_token(tx: Tx, name: str, *, editor: Editor) -> None:
    """Let nobody in by a token any more. Raises: TokenNotFound, LastAdministrator."""
    lock_configuration(tx)
    in_force = _in_force(tx)
    found = next((token for token in in_force if token.name == name), None)
    if found is None:
        raise TokenNotFound(
            f"No token in force is called {name[:130]!r}: look at the list of tokens",
            name=name[:130],
        )
    others = (token for token in in_force if token is not found and token.user is None)
    is_last = not any(token.scope is Scope.ADMINISTER for token in others)
    if found.user is None and found.scope is Scope.ADMINISTER and is_last:
        raise LastAdministrator(
            f"{name!r} is the last token that can administer; create another one first", name=name
        )
    _revoke(tx, found, editor=editor)


def create_token_of(tx: Tx, user: User, *, name: str, scope: Scope, editor: Editor) -> CreatedToken:
    """Make a token of a user's own, called `user/name`. Raises: InvalidSlug, TokenExists, ScopeTooNarrow."""
    user.principal(user.id).require(scope)
    full_name = f"{user.name}/{parse_slug(name)}"
    return _create(tx, full_name, scope, editor=editor, user=user)


def list_tokens_of(tx: Tx, user: str) -> list[Token]:
    """Return a user's tokens that are in force, by name."""
    return [token for token in _in_force(tx) if token.user == user]


def revoke_tokens_of(tx: Tx, user: str, *, editor: Editor) -> None:
    """Let nobody in any more by any of a user's tokens."""
    for token in list_tokens_of(tx, user):
        _revoke(tx, token, editor=editor)


def _create(
    tx: Tx, name: str, scope: Scope, *, editor: Editor, user: User | None = None
) -> CreatedToken:
    lock_configuration(tx)
    if any(token.name == name for token in _in_force(tx)):
        raise TokenExists(
            f"There is a token {name!r}; revoke it, or choose another name", name=name
        )
    secret = make_token(editor.random_bytes(TOKEN_BYTES))
    token = Token(
        id=editor.new_id(),
        name=name,
        scope=scope,
        hint=token_hint(secret),
        created_at=editor.now,
        user=None if user is None else user.name,
    )
    user_id = None if user is None else user.id
    tokens.insert_token(tx, token, token_hash=token_hash(secret.reveal()), user_id=user_id)
    editor.record(tx, "token.created", name, after={"scope": scope.value})
    return CreatedToken(token, secret)


def _revoke(tx: Tx, token: Token, *, editor: Editor) -> None:
    tokens.revoke_token(tx, token.id, now=editor.now)
    editor.record(tx, "token.revoked", token.name, before={"scope": token.scope.value})


def _in_force(tx: Tx) -> list[Token]:
    return [token for token in tokens.list_tokens(tx) if token.revoked_at is None]
