"""Every page admits whom it should, and turns away everybody else in one manner."""

import re

import pytest
from tests.web.harness import People

from tocsin.domain.user import UserRole
from tocsin.web.headers import SECURITY_HEADERS
from tocsin.web.pages import ROUTES
from tocsin.web.route import Access

VIEWER, RESPONDER, TEAM_ADMINISTRATOR, ADMINISTRATOR = UserRole
MAY = {
    Access.PUBLIC: {None, VIEWER, RESPONDER, TEAM_ADMINISTRATOR, ADMINISTRATOR},
    Access.READ: {VIEWER, RESPONDER, TEAM_ADMINISTRATOR, ADMINISTRATOR},
    Access.RESPOND: {RESPONDER, TEAM_ADMINISTRATOR, ADMINISTRATOR},
    Access.TEAM: {TEAM_ADMINISTRATOR, ADMINISTRATOR},
    Access.ADMINISTER: {ADMINISTRATOR},
}
# A route that is missing here, or here and not there, fails the first test: decide who may.
PAGES: dict[tuple[str, str], Access] = {
    ("GET", "/sign-in"): Access.PUBLIC,
    ("POST", "/sign-in"): Access.PUBLIC,
    ("GET", "/sign-in/oidc"): Access.PUBLIC,
    ("GET", "/sign-in/oidc/callback"): Access.PUBLIC,
    ("POST", "/sign-out"): Access.READ,
    ("GET", "/welcome/{token}"): Access.PUBLIC,
    ("POST", "/welcome/{token}"): Access.PUBLIC,
    ("GET", "/account"): Access.READ,
    ("POST", "/account/password"): Access.READ,
    ("POST", "/account/time-zone"): Access.READ,
    ("POST", "/account/identities/unlink"): Access.READ,
    ("POST", "/account/sessions/end"): Access.READ,
    ("POST", "/account/sessions/{session_id:int}/end"): Access.READ,
    ("POST", "/account/tokens"): Access.READ,
    ("POST", "/account/tokens/{name}/revoke"): Access.READ,
    ("GET", "/users"): Access.ADMINISTER,
    ("POST", "/users"): Access.ADMINISTER,
    ("GET", "/users/{name}"): Access.ADMINISTER,
    ("POST", "/users/{name}/role"): Access.ADMINISTER,
    ("POST", "/users/{name}/invite"): Access.ADMINISTER,
    ("POST", "/users/{name}/disable"): Access.ADMINISTER,
    ("POST", "/users/{name}/enable"): Access.ADMINISTER,
    ("POST", "/users/{name}/identities/unlink"): Access.ADMINISTER,
    ("POST", "/users/{name}/sessions/end"): Access.ADMINISTER,
    ("POST", "/users/{name}/delete"): Access.ADMINISTER,
    ("GET", "/audit"): Access.ADMINISTER,
    ("GET", "/"): Access.READ,
    ("GET", "/timeline/live"): Access.READ,
    ("GET", "/incidents"): Access.READ,
    ("POST", "/incidents/actions"): Access.RESPOND,
    ("GET", "/incidents/new"): Access.RESPOND,
    ("POST", "/incidents/new"): Access.RESPOND,
    ("GET", "/incidents/{number:int}"): Access.READ,
    ("GET", "/incidents/{number:int}/text"): Access.READ,
    ("POST", "/incidents/{number:int}/acknowledge"): Access.RESPOND,
    ("POST", "/incidents/{number:int}/hold"): Access.RESPOND,
    ("POST", "/incidents/{number:int}/resolve"): Access.RESPOND,
    ("POST", "/incidents/{number:int}/reopen"): Access.RESPOND,
    ("POST", "/incidents/{number:int}/reroute"): Access.RESPOND,
    ("POST", "/incidents/{number:int}/note"): Access.RESPOND,
    ("POST", "/incidents/{number:int}/move"): Access.RESPOND,
    ("GET", "/teams"): Access.READ,
    ("GET", "/teams/new"): Access.ADMINISTER,
    ("POST", "/teams/new"): Access.ADMINISTER,
    ("GET", "/teams/{team}"): Access.READ,
    ("POST", "/teams/{team}"): Access.ADMINISTER,
    ("POST", "/teams/{team}/delete"): Access.ADMINISTER,
    ("GET", "/teams/{team}/policies/new"): Access.TEAM,
    ("POST", "/teams/{team}/policies/new"): Access.TEAM,
    ("POST", "/teams/{team}/policies/preview"): Access.TEAM,
    ("GET", "/teams/{team}/policies/{policy}/edit"): Access.TEAM,
    ("POST", "/teams/{team}/policies/{policy}/edit"): Access.TEAM,
    ("POST", "/teams/{team}/policies/{policy}/preview"): Access.TEAM,
    ("GET", "/teams/{team}/policies/{policy}"): Access.READ,
    ("GET", "/teams/{team}/policies/{policy}/versions/{number:int}"): Access.READ,
    ("POST", "/teams/{team}/policies/{policy}/delete"): Access.TEAM,
    ("GET", "/routing"): Access.READ,
    ("GET", "/routing/test"): Access.READ,
    ("POST", "/routing/test"): Access.READ,
    ("GET", "/routing/default"): Access.ADMINISTER,
    ("POST", "/routing/default"): Access.ADMINISTER,
    ("POST", "/routing/default/delete"): Access.ADMINISTER,
    ("GET", "/routing/keys/new"): Access.ADMINISTER,
    ("POST", "/routing/keys/new"): Access.ADMINISTER,
    ("GET", "/routing/keys/{key}"): Access.ADMINISTER,
    ("POST", "/routing/keys/{key}"): Access.ADMINISTER,
    ("POST", "/routing/keys/{key}/delete"): Access.ADMINISTER,
    ("GET", "/webhooks"): Access.READ,
    ("GET", "/webhooks/new"): Access.ADMINISTER,
    ("POST", "/webhooks/new"): Access.ADMINISTER,
    ("GET", "/webhooks/{slug}"): Access.READ,
    ("GET", "/webhooks/{slug}/edit"): Access.ADMINISTER,
    ("POST", "/webhooks/{slug}/edit"): Access.ADMINISTER,
    ("POST", "/webhooks/{slug}/enable"): Access.ADMINISTER,
    ("POST", "/webhooks/{slug}/disable"): Access.ADMINISTER,
    ("POST", "/webhooks/{slug}/delete"): Access.ADMINISTER,
    ("POST", "/webhooks/{slug}/check"): Access.ADMINISTER,
    ("POST", "/webhooks/{slug}/test"): Access.ADMINISTER,
    ("GET", "/webhooks/{slug}/auth-code"): Access.ADMINISTER,
    ("POST", "/webhooks/{slug}/reveal"): Access.ADMINISTER,
    ("POST", "/webhooks/{slug}/rotate"): Access.ADMINISTER,
    ("POST", "/webhooks/{slug}/promote"): Access.ADMINISTER,
    ("POST", "/webhooks/{slug}/cancel-rotation"): Access.ADMINISTER,
    ("GET", "/webhooks/{slug}/receiver"): Access.READ,
    ("GET", "/webhooks/{slug}/signature"): Access.ADMINISTER,
    ("POST", "/webhooks/{slug}/signature"): Access.ADMINISTER,
    ("GET", "/health"): Access.READ,
    ("POST", "/pause"): Access.ADMINISTER,
    ("GET", "/resume"): Access.READ,
    ("POST", "/resume"): Access.ADMINISTER,
    ("GET", "/deliveries"): Access.READ,
    ("GET", "/deliveries/{id}"): Access.READ,
    ("POST", "/deliveries/{id}/send-again"): Access.RESPOND,
    ("GET", "/integrations"): Access.READ,
    ("GET", "/alert-keys"): Access.READ,
    ("POST", "/alert-keys"): Access.ADMINISTER,
    ("POST", "/alert-keys/{name}/revoke"): Access.ADMINISTER,
    ("GET", "/heartbeats"): Access.READ,
    ("POST", "/heartbeats"): Access.ADMINISTER,
    ("GET", "/heartbeats/{slug}"): Access.READ,
    ("POST", "/heartbeats/{slug}"): Access.ADMINISTER,
    ("POST", "/heartbeats/{slug}/pause"): Access.ADMINISTER,
    ("POST", "/heartbeats/{slug}/resume"): Access.ADMINISTER,
    ("POST", "/heartbeats/{slug}/delete"): Access.ADMINISTER,
}
PARTS = {
    "{number:int}": "999",
    "{session_id:int}": "999",
    "{team}": "ops",
}


def _filled(path: str) -> str:
    for part, value in PARTS.items():
        path = path.replace(part, value)
    return re.sub(r"\{[^}]*\}", "nothing", path)


def test_every_route_is_in_this_table() -> None:
    """Nobody adds a page without deciding who may see it."""
    assert {(route.method, route.path): route.needs for route in ROUTES} == PAGES
    assert len(ROUTES) == len(PAGES)


@pytest.mark.parametrize(("method", "path"), PAGES)
def test_a_page_admits_by_role(method: str, path: str, people: People) -> None:
    """Who may not is told so, before anything is looked up; who may gets past the gate."""
    admitted = set()
    for role in (None, *UserRole):
        visitor = people.visitor(role)
        answer = visitor.get(_filled(path)) if method == "GET" else visitor.post(_filled(path))
        is_turned_away = (
            answer.to.startswith("/sign-in")
            if role is None and method == "GET"
            else "sign_in_first" in answer.text or "not_allowed" in answer.text
        )
        assert answer.status != 500, answer.words
        if not is_turned_away:
            admitted.add(role)

    assert admitted == MAY[PAGES[method, path]]


def test_a_team_administrator_is_admitted_to_no_other_team(people: People) -> None:
    """What may be done to one team says nothing of the others."""
    for (method, path), needs in PAGES.items():
        if needs is not Access.TEAM:
            continue
        elsewhere = re.sub(r"\{[^}]*\}", "nothing", path.replace("{team}", "others"))
        visitor = people.team_administrator
        answer = visitor.get(elsewhere) if method == "GET" else visitor.post(elsewhere)
        assert answer.status == 403
        assert "not_allowed" in answer.text


@pytest.mark.parametrize("path", ["/", "/nothing/here", "/static/nothing.css", "/static/app.css"])
def test_every_answer_has_the_security_headers(path: str, people: People) -> None:
    """Pages, files, refusals and redirects alike."""
    headers = people.stranger.get(path).response.headers
    assert {name: headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_no_form_of_another_site_is_taken(site: str, people: People) -> None:
    """Whatever it would do, also before anybody has signed in."""
    for method, path in PAGES:
        if method == "POST":
            answer = people.administrator.post(_filled(path), sec_fetch_site=site)
            assert (answer.status, "came_from_elsewhere" in answer.text) == (403, True), path


def test_no_form_is_taken_without_the_token_of_the_session(people: People) -> None:
    """A page of ours knows it, and nobody else."""
    visitor = people.administrator
    for (method, path), needs in PAGES.items():
        if method == "POST" and needs is not Access.PUBLIC:
            for token in ("", "x" * 43):
                answer = visitor.post(_filled(path), {"csrf": token})
                assert (answer.status, "came_from_elsewhere" in answer.text) == (403, True), path


def test_a_path_that_is_no_page_says_so(people: People) -> None:
    """With the way to the others for whoever is signed in, and for strangers too."""
    for visitor, has_places in ((people.stranger, False), (people.viewer, True)):
        answer = visitor.get("/no/such/page")
        assert (answer.status, answer.page.title) == (404, "No such page - Tocsin")
        assert ("Incidents" in answer.page.links) is has_places
