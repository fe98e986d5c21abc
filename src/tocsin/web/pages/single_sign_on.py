"""Leaving for the OpenID Connect provider, and coming back."""

import base64
from contextlib import suppress
from functools import partial
from typing import Final

from starlette.responses import RedirectResponse, Response

from tocsin.actions.identities import link_identity, sign_in_by_identity
from tocsin.actions.incident_set import Context
from tocsin.actions.sessions import NewSession
from tocsin.domain.principal import Principal, Scope
from tocsin.domain.session import is_csrf_token
from tocsin.domain.single_sign_on import (
    AWAY_FOR,
    CALLBACK_PATH,
    Identity,
    Journey,
    SingleSignOnFailed,
)
from tocsin.service.editing import edit, editor_of
from tocsin.service.single_sign_on import SingleSignOn
from tocsin.store.database import Tx
from tocsin.vault import MasterKeyWrong, SealBroken
from tocsin.web.pages.account import ACCOUNT
from tocsin.web.pages.signing_in import path_of_ours, with_session
from tocsin.web.refusals import CameFromElsewhere, NoSuchPage
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

JOURNEY_COOKIE: Final = "__Host-tocsin-oidc"


async def leave(visit: Visit) -> Response:
    """Send the browser to the provider, and remember it, and whom to link if our own page asks for that.

    A link of somebody else's could send a user away as whoever that is at the provider.
    Raises: CameFromElsewhere.
    """
    provider = _provider(visit)
    wanted = path_of_ours(visit.query.get("next", ""))
    services = visit.services
    links = 0
    if "link" in visit.query:
        token = visit.token if visit.who else None
        if token is None or not is_csrf_token(token, visit.query["link"]):
            raise CameFromElsewhere
        links = visit.user.id
    journey = Journey.begin(services.random_bytes, wanted=wanted, links=links, now=visit.now)
    to = await provider.run(partial(provider.leave, journey, redirect_uri=_redirect_uri(visit)))
    answer = RedirectResponse(to, status_code=303)
    sealed = services.vault.seal(journey.packed())
    answer.set_cookie(
        JOURNEY_COOKIE,
        base64.urlsafe_b64encode(sealed).decode(),
        max_age=int(AWAY_FOR.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )
    return answer


async def arrive(visit: Visit) -> Response:
    """Sign in who comes back, or link who left for that, and is signed in still."""
    provider = _provider(visit)
    journey = _journey(visit)
    if visit.query.get("error"):
        raise SingleSignOnFailed(
            "The provider did not let you in; try again, or sign in by a password"
        )
    identity = await provider.run(
        partial(
            provider.arrive,
            visit.query.get("code", ""),
            journey,
            redirect_uri=_redirect_uri(visit),
            now=visit.now,
        )
    )
    answer = await (
        _link(visit, identity, journey) if journey.links else _sign_in(visit, identity, journey)
    )
    answer.delete_cookie(JOURNEY_COOKIE, path="/", secure=True, httponly=True)
    return answer


async def _link(visit: Visit, identity: Identity, journey: Journey) -> Response:
    """Raises: CameFromElsewhere, if it is another who left."""
    if visit.who is None or visit.user.id != journey.links:
        raise CameFromElsewhere
    user = visit.user
    is_new, _ = await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: link_identity(tx, user, identity, editor=editor),
    )
    notice = "You can sign in that way from now on." if is_new else "You sign in that way already."
    return visit.redirect(ACCOUNT, notice=notice)


async def _sign_in(visit: Visit, identity: Identity, journey: Journey) -> Response:
    newcomers = _provider(visit).provider.newcomers

    def begin(tx: Tx, context: Context) -> NewSession:
        nobody = Principal(0, "", Scope.READ)  # it acts as its user
        return sign_in_by_identity(
            tx,
            identity,
            newcomers=newcomers,
            client=visit.client,
            editor=editor_of(visit.work, context, nobody),
            replaces=visit.token,
        )

    session = await visit.work.change(begin)
    return with_session(visit, visit.redirect(journey.wanted), session)


def _journey(visit: Visit) -> Journey:
    """Return the journey that this browser is on. Raises: SingleSignOnFailed."""
    journey = None
    with suppress(ValueError, TypeError, MasterKeyWrong, SealBroken):
        sealed = base64.urlsafe_b64decode(visit.request.cookies.get(JOURNEY_COOKIE, ""))
        journey = Journey.unpack(visit.services.vault.open(sealed))
    if journey is None or not journey.is_answered_by(visit.query.get("state", ""), now=visit.now):
        raise SingleSignOnFailed(
            "You did not leave for the provider from here within the last ten minutes; begin again at the "
            "sign-in page"
        )
    return journey


def _provider(visit: Visit) -> SingleSignOn:
    """Raises: NoSuchPage, where no provider is configured."""
    if visit.services.single_sign_on is None:
        raise NoSuchPage
    return visit.services.single_sign_on


def _redirect_uri(visit: Visit) -> str:
    return f"{visit.services.public_url}{CALLBACK_PATH}"


ROUTES: Final = (
    Route("/sign-in/oidc", "GET", Access.PUBLIC, leave),
    Route(CALLBACK_PATH, "GET", Access.PUBLIC, arrive),
)
