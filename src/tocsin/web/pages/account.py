"""One's own account: password, time zone, where one is signed in, and tokens of one's own."""

from functools import cache
from typing import ClassVar, Final
from zoneinfo import available_timezones

from starlette.responses import Response

from tocsin.actions import sessions, tokens, users
from tocsin.actions.identities import LastWayIn, list_identities
from tocsin.actions.tokens import TokenNotFound
from tocsin.domain.principal import Scope, Token
from tocsin.domain.session import Session
from tocsin.domain.single_sign_on import LinkedIdentity
from tocsin.domain.slug import slug_from_name
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.service.editing import edit
from tocsin.service.sign_ins import change_password
from tocsin.store.database import Tx
from tocsin.web.identities import trusted_issuer, unlink
from tocsin.web.pages.signing_in import (
    SIGN_IN,
    PasswordsDiffer,
    provider_name,
    with_session,
    without_session,
)
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

ACCOUNT: Final = "/account"


_MAY: Final = (
    (Scope.READ, "read everything but secrets"),
    (Scope.RESPOND, "acknowledge, resolve, hold and reroute, too"),
    (Scope.ADMINISTER, "do everything"),
)


class UnknownScope(TocsinError):
    """There is no scope of this name."""

    code: ClassVar[str] = "unknown_scope"
    status_hint: ClassVar[int] = 422

    def __init__(self) -> None:
        super().__init__("Choose what the token is for: read, respond or administer")


async def show_account(visit: Visit) -> Response:
    """Show what is on record of whoever asks."""
    return await _page(visit)


async def _page(
    visit: Visit,
    *,
    about: str = "",
    refusal: TocsinError | None = None,
) -> Response:
    """`about`: which of the forms was refused, by its name."""

    def look(tx: Tx) -> tuple[list[Session], list[Token], list[LinkedIdentity]]:
        begun = sessions.list_sessions(tx, visit.user, now=visit.now)
        return begun, tokens.list_tokens_of(tx, visit.user.name), list_identities(tx, visit.user)

    begun, own, identities = await visit.work.read(look)
    return visit.render(
        "account.html",
        status=refusal.status_hint if refusal else 200,
        sessions=begun,
        this_session=visit.who and visit.who.session_id,
        tokens=own,
        made=visit.take_shown(),
        scopes=[
            (scope.value, words) for scope, words in _MAY if visit.user.role.scope.covers(scope)
        ],
        zones=time_zones(),
        provider=provider_name(visit),
        issuer=trusted_issuer(visit),
        identities=identities,
        about=about,
        refusal=refusal,
        zone=visit.form.get("zone", visit.user.time_zone),
        token_name=visit.form.get("name", "") if refusal else "",
        token_scope=visit.form.get("scope", Scope.READ.value),
    )


async def take_password(visit: Visit) -> Response:
    """Change the password, which ends all sessions but the one that begins now."""
    form = visit.form
    try:
        if form.get("password", "") != form.get("again", ""):
            raise PasswordsDiffer
        current, new = Secret(form.get("current", "")), Secret(form.get("password", ""))
        session = await change_password(visit.work, visit.user, current, new, client=visit.client)
    except TocsinError as refusal:
        return await _page(visit, about="password", refusal=refusal)
    answer = visit.redirect(
        ACCOUNT, notice="Your password is changed; other browsers are signed out."
    )
    return with_session(visit, answer, session)


async def take_time_zone(visit: Visit) -> Response:
    """Show times as this zone has them."""
    zone, name = visit.form.get("zone", "").strip(), visit.user.name
    try:
        await edit(
            visit.work,
            visit.principal,
            lambda tx, editor: users.set_time_zone(tx, name, zone, editor=editor),
        )
    except users.InvalidTimeZone as refusal:
        return await _page(visit, about="zone", refusal=refusal)
    return visit.redirect(ACCOUNT, notice=f"Times are shown as in {zone}.")


async def take_unlink(visit: Visit) -> Response:
    """Sign in by an identity no more; other browsers are signed out."""
    session = visit.who.session_id if visit.who else None
    try:
        await unlink(visit, visit.user.name, session=session)
    except LastWayIn as refusal:
        return await _page(visit, about="identity", refusal=refusal)
    return visit.redirect(ACCOUNT, notice="It is unlinked; other browsers are signed out.")


async def end_session(visit: Visit) -> Response:
    """End one session; if it is this one, that is signing out."""
    user, id_ = visit.user, visit.params["session_id"]
    await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: sessions.end_session(tx, user, id_, editor=editor),
    )
    if visit.who is not None and visit.who.session_id == id_:
        return without_session(visit.redirect(SIGN_IN, notice="You are signed out."))
    return visit.redirect(ACCOUNT, notice="That browser is signed out.")


async def end_sessions(visit: Visit) -> Response:
    """Sign out everywhere."""
    user = visit.user
    await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: sessions.end_sessions(tx, user, editor=editor),
    )
    return without_session(visit.redirect(SIGN_IN, notice="You are signed out everywhere."))


async def make_token(visit: Visit) -> Response:
    """Make a token, and let the page show it this once."""
    user, name = visit.user, visit.form.get("name", "").strip()
    try:
        scope = _scope(visit.form.get("scope", ""))
        slug = slug_from_name(name) if name else name
        made, _ = await edit(
            visit.work,
            visit.principal,
            lambda tx, editor: tokens.create_token_of(
                tx, user, name=slug, scope=scope, editor=editor
            ),
        )
    except TocsinError as refusal:
        return await _page(visit, about="token", refusal=refusal)
    shows = {"name": made.token.name, "token": made.secret.reveal()}
    return visit.redirect(ACCOUNT, shows=shows)


async def revoke_token(visit: Visit) -> Response:
    """Let nobody in any more by a token of one's own."""
    name = f"{visit.user.name}/{visit.params['name']}"
    own = await visit.work.read(lambda tx: tokens.list_tokens_of(tx, visit.user.name))
    if name not in [token.name for token in own]:
        raise TokenNotFound("You have no such token: it may have been revoked", name=name[:130])
    await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: tokens.revoke_token(tx, name, editor=editor),
    )
    return visit.redirect(ACCOUNT, notice="The token is revoked.")


def _scope(text: str) -> Scope:
    try:
        return Scope(text)
    except ValueError:
        raise UnknownScope from None


@cache
def time_zones() -> tuple[str, ...]:
    """Return the names of time zones that people choose, of which this machine knows the rules."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return ("UTC", *sorted(places))


_PASSWORDS: Final = frozenset({"current", "password", "again"})
ROUTES: Final = (
    Route(ACCOUNT, "GET", Access.READ, show_account),
    Route(f"{ACCOUNT}/password", "POST", Access.READ, take_password, _PASSWORDS),
    Route(f"{ACCOUNT}/time-zone", "POST", Access.READ, take_time_zone),
    Route(f"{ACCOUNT}/identities/unlink", "POST", Access.READ, take_unlink),
    Route(f"{ACCOUNT}/sessions/end", "POST", Access.READ, end_sessions),
    Route(ACCOUNT + "/sessions/{session_id:int}/end", "POST", Access.READ, end_session),
    Route(f"{ACCOUNT}/tokens", "POST", Access.READ, make_token),
    Route(ACCOUNT + "/tokens/{name}/revoke", "POST", Access.READ, revoke_token),
)
