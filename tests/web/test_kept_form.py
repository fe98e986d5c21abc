"""What was typed is not lost when its session ends in an open form: it is handed back, and sent by a button."""

from datetime import timedelta

import pytest
from tests.api.harness import Harness
from tests.web.harness import Answer, Browser, People
from tests.web.test_signing_in import PASSWORD, choose, link_of

from tocsin.domain.user import UserRole
from tocsin.web.kept_form import LARGEST_OF_STRANGERS, MOST_KEPT
from tocsin.web.visit import SESSION_COOKIE

NOTE = "/incidents/1/note"
TYPED = 'restarted it;\nthe disk was "full" & <b>slow</b> ä'


@pytest.fixture
def rita(harness: Harness, people: People) -> Browser:
    """Somebody who can sign in, before an open incident, and whose session has ended."""
    browser = people.stranger
    choose(browser, link_of(harness, "rita"))
    harness.configure()
    harness.open_incident("disk")
    harness.clock.advance(timedelta(days=8))
    return browser


def sign_in(browser: Browser, page: Answer, **more: str) -> Answer:
    """Fill in the sign-in of a page, and send it with all that is in it."""
    form = page.page.form("/sign-in")
    return browser.post("/sign-in", {**dict(form.fields), "name": "rita", **more})


def send(browser: Browser, page: Answer, path: str = NOTE) -> Answer:
    """Press the button of the page that has what was typed."""
    form = page.page.form(path)
    assert [words for _, _, words in form.buttons] == ["Send it"]
    return browser.post(path, dict(form.fields))


def test_what_was_typed_is_sent_after_signing_in(rita: Browser) -> None:
    """On the page that refuses it, over a wrong password, to the byte; nothing happens before the button is pressed."""
    refused = rita.post(NOTE, {"text": TYPED})
    assert (refused.status, "What you had typed is kept" in refused.words) == (401, True)
    wrong = sign_in(rita, refused, password="wrong horse battery")
    assert wrong.status == 401
    page = sign_in(rita, wrong, password=PASSWORD)
    assert (page.status, page.page.title) == (200, "Send what you had typed - Tocsin")
    assert " ".join(TYPED.split()) in page.words
    assert ("text", TYPED) in page.page.form(NOTE).fields
    assert "restarted it" not in rita.get("/incidents/1").words
    assert send(rita, page).to == "/incidents/1"
    assert " ".join(TYPED.split()) in rita.get("/incidents/1").words


def test_who_has_signed_in_in_another_tab_goes_on(rita: Browser) -> None:
    """As with a provider, which knows nothing of this page; too early, the page stays."""
    refused = rita.post(NOTE, {"text": TYPED})
    early = sign_in(rita, refused, already="yes")
    assert (early.status, "kept" in dict(early.page.form("/sign-in").fields)) == (401, True)
    rita.post("/sign-in", {"name": "rita", "password": PASSWORD})
    assert send(rita, sign_in(rita, early, already="yes")).to == "/incidents/1"


def test_a_form_of_the_session_before_is_handed_back(rita: Browser) -> None:
    """Whoever has signed in anew in another tab, and then sends the first one's form."""
    rita.post("/sign-in", {"name": "rita", "password": PASSWORD})
    refused = rita.post(NOTE, {"text": TYPED, "csrf": "of the session before"})
    assert (refused.status, "came_from_elsewhere" in refused.words) == (403, True)
    assert send(rita, refused).to == "/incidents/1"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "cross-site", "origin": "http://testserver"},
        {"hx_request": "true"},
    ],
)
@pytest.mark.parametrize("is_signed_in", [True, False])
def test_what_another_site_sends_never_becomes_a_form(
    headers: dict[str, str], rita: Browser, *, is_signed_in: bool
) -> None:
    """Nor what says nothing of where it comes from; only a browser's word that a page of ours sent it counts."""
    if is_signed_in:
        rita.post("/sign-in", {"name": "rita", "password": PASSWORD})
    answer = rita.post(NOTE, {"text": TYPED, "csrf": "x"}, **headers)
    assert answer.status in (401, 403)
    assert "restarted" not in answer.text
    assert "/sign-in" not in [form.action for form in answer.page.forms]


def test_no_secret_is_handed_back(people: People) -> None:
    """It is asked for again, so that nothing is made without it; where all is secret, nothing is handed back."""
    root = people.administrator
    sent = {"name": "Chat", "url": "https://a.example/", "auth_code": "the-code-of-old-1234"}
    page = root.post("/webhooks/new", {**sent, "client_key": "PRIVATE", "csrf": "x"})
    form = page.page.form("/webhooks/new")
    assert "the-code-of-old" not in page.text
    assert "PRIVATE" not in page.text
    assert [name for name, _ in form.fields] == ["csrf", "name", "url", "auth_code", "client_key"]
    asked = {
        given["name"]: "required" in given for tag, given in page.page.tags if tag == "textarea"
    }
    assert asked == {"auth_code": True, "client_key": True}
    unasked = root.post("/webhooks/new", {**sent, "auth_code": "", "csrf": "x"})
    assert [name for name, _ in unasked.page.form("/webhooks/new").fields] == [
        "csrf",
        "name",
        "url",
    ]
    key = root.post("/alert-keys", {"name": "old", "key": "a-key-of-old-12345", "csrf": "x"})
    assert "a-key-of-old" not in key.text
    passwords = dict.fromkeys(("current", "password", "again"), PASSWORD)
    refused = root.post("/account/password", {**passwords, "csrf": "x"})
    assert "/account/password" not in [form.action for form in refused.page.forms]
    assert PASSWORD not in refused.text


def test_a_secret_is_asked_for_again_after_a_sign_in_too(harness: Harness, people: People) -> None:
    """What the sign-in carries says that there was one, and not which."""
    browser = people.stranger
    choose(browser, link_of(harness, "ada", UserRole.ADMINISTRATOR))
    harness.clock.advance(timedelta(days=8))
    refused = browser.post("/alert-keys", {"name": "old", "key": "a-key-of-old-12345"})
    assert "a-key-of-old" not in refused.text
    page = sign_in(browser, refused, name="ada", password=PASSWORD)
    form = page.page.form("/alert-keys")
    sent = {**dict(form.fields), "key": "a-key-of-old-12345"}
    assert "a-key-of-old-12345" in browser.post_and_follow("/alert-keys", sent).text


def test_every_field_for_a_secret_is_known_as_one(people: People) -> None:
    """A password's input, on any page, is of a form that hands none of it back."""
    root = people.administrator
    for path in ("/account", "/alert-keys", "/webhooks/new"):
        page = root.get(path)
        for form in page.page.forms:
            fields = {name: "a-typed-secret" for name, _ in form.fields if name != "csrf"}
            if form.method == "post" and fields:
                kept = root.post(form.action, {**fields, "csrf": "x"})
                for tag, given in page.page.tags:
                    if tag == "input" and given.get("type") == "password":
                        assert (given["name"], "a-typed-secret") not in [
                            field for each in kept.page.forms for field in each.fields
                        ]


def test_what_is_too_long_is_not_carried_and_the_page_says_so(rita: Browser) -> None:
    """Just what fits is, with all that stands around it."""
    answer = rita.post(NOTE, {"text": "x" * (MOST_KEPT + 1)})
    assert (answer.status, "too long to be kept" in answer.words) == (401, True)
    assert len(answer.text) < 10_000
    larger = rita.post(NOTE, {"text": "x" * 2**20})
    assert (larger.status, "too long to be kept" in larger.words) == (401, True)
    fits = rita.post(NOTE, {"text": "x" * (MOST_KEPT - 200)})
    page = sign_in(rita, fits, password=PASSWORD)
    assert ("text", "x" * (MOST_KEPT - 200)) in page.page.form(NOTE).fields


@pytest.mark.parametrize(
    "path", ["/nothing", "//elsewhere.example/", "https://elsewhere.example/", "/sign-in", "/audit"]
)
def test_a_sign_in_carries_nothing_to_where_no_form_of_ours_goes(path: str, rita: Browser) -> None:
    """Whatever stands in its hidden fields; then it is a sign-in like any other."""
    sent = {"name": "rita", "password": PASSWORD, "kept": "text=a", "kept_path": path}
    assert rita.post("/sign-in", sent).to == "/"


def test_whoever_may_not_send_it_is_signed_in_and_shown_nothing_of_it(rita: Browser) -> None:
    """A responder, where an administrator had typed."""
    refused = rita.post("/webhooks/new", {"name": "Chat", "url": "https://a.example/secret"})
    answer = sign_in(rita, refused, password=PASSWORD)
    assert (answer.status, answer.to) == (303, "/")
    assert SESSION_COOKIE in rita.cookies
    home = rita.get("/")
    assert "You are signed in. This needs an administrator" in home.words
    assert "secret" not in home.text


def test_a_form_without_a_field_is_refused_at_once(people: People) -> None:
    """Its body has come, and there is no second one to wait for."""
    root = people.administrator
    cookie = "; ".join(f"{name}={value}" for name, value in root.cookies.items())
    headers = {"cookie": cookie, "sec-fetch-site": "same-origin"}
    answer = root.http.post("/pause", headers=headers, timeout=10)
    assert (answer.status_code, "came_from_elsewhere" in answer.text) == (403, True)


def test_buttons_without_a_word_lead_to_the_sign_in_alone(rita: Browser) -> None:
    """Nothing was typed, so there is nothing to hand back."""
    answer = rita.post("/incidents/1/acknowledge", {"message": " "})
    assert (answer.status, answer.page.links["Sign in"]) == (401, "/sign-in")
    assert answer.page.forms == []


def test_who_is_not_signed_in_sends_no_more_than_is_kept(rita: Browser) -> None:
    """Reading a form costs, and a stranger may send one; what is kept comes through a sign-in, however it is written."""
    much = "x" * (LARGEST_OF_STRANGERS + 1)
    assert rita.post("/sign-in", {"name": much, "password": PASSWORD}).status == 413
    refused = rita.post(NOTE, {"text": much})
    assert (refused.status, "too long to be kept" in refused.words) == (401, True)
    fields = {f"{number}": "&" * 100 for number in range(MOST_KEPT // 310)}
    page = sign_in(rita, rita.post(NOTE, fields), password=PASSWORD)
    assert set(fields.items()) <= set(page.page.form(NOTE).fields)
    assert rita.post(NOTE, {"text": much}).status == 422
