"""One's own account."""

from tests.api.harness import Harness
from tests.web.harness import Browser, People
from tests.web.test_signing_in import PASSWORD, choose, link_of, sign_in

from tocsin.web.visit import SESSION_COOKIE


def rita(harness: Harness, people: People) -> Browser:
    browser = people.stranger
    assert choose(browser, link_of(harness, "rita")).status == 303
    return browser


def test_a_password_is_changed_by_the_present_one(harness: Harness, people: People) -> None:
    """Other browsers are signed out, this one goes on with a new session."""
    browser, other = rita(harness, people), people.stranger
    sign_in(other, "rita")
    before = browser.cookies[SESSION_COOKIE]
    wrong = {
        "current": "wrong",
        "password": "staple battery horse",
        "again": "staple battery horse",
    }
    assert browser.post("/account/password", wrong).status == 401
    assert browser.post("/account/password", {**wrong, "again": "x"}).status == 422
    assert browser.cookies[SESSION_COOKIE] == before
    page = browser.post_and_follow("/account/password", {**wrong, "current": PASSWORD})
    assert "Your password is changed" in page.words
    assert browser.cookies[SESSION_COOKIE] != before
    assert other.get("/account").to.startswith("/sign-in")
    assert sign_in(people.stranger, "rita").status == 401
    assert sign_in(people.stranger, "rita", "staple battery horse").status == 303


def test_times_are_shown_as_in_the_zone_of_choice(harness: Harness, people: People) -> None:
    """One that there is."""
    browser = rita(harness, people)
    page = browser.post_and_follow("/account/time-zone", {"zone": "Asia/Kathmandu"})
    assert "Times are shown as in Asia/Kathmandu." in page.words
    titles = [given.get("title", "") for tag, given in page.page.tags if tag == "time"]
    assert titles
    assert all(title.endswith("+0545") for title in titles)
    refused = browser.post("/account/time-zone", {"zone": "Mars/Olympus"})
    assert refused.status == 422
    assert "is no time zone" in refused.words


def test_one_sees_where_one_is_signed_in_and_ends_what_one_does_not_know(
    harness: Harness, people: People
) -> None:
    """Named as people name browsers; this one is marked."""
    browser, other = rita(harness, people), people.stranger
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    sent = {"name": "rita", "password": PASSWORD}
    other.post("/sign-in", sent, user_agent=agent)
    page = browser.get("/account")
    assert "Firefox on Linux" in page.words
    assert page.words.count("this one") == 1
    ends = [form for form in page.page.forms if form.action.endswith("/end")]
    assert len(ends) == 3
    assert other.get("/account").status == 200
    ids = [form.action.split("/")[3] for form in ends if form.action.count("/") == 4]
    for id_ in ids:
        words = browser.post(f"/account/sessions/{id_}/end").to
        assert words in ("/account", "/sign-in")
    assert other.get("/account").to.startswith("/sign-in")
    assert browser.get("/account").to.startswith("/sign-in")


def test_signing_out_everywhere(harness: Harness, people: People) -> None:
    """All sessions of one's own, this one too."""
    browser, other = rita(harness, people), people.stranger
    sign_in(other, "rita")
    assert browser.post("/account/sessions/end").to == "/sign-in"
    assert other.get("/account").to.startswith("/sign-in")


def test_a_token_of_ones_own_is_shown_once_and_works(harness: Harness, people: People) -> None:
    """Until it is revoked; never for more than the role is."""
    browser = rita(harness, people)
    answer = browser.post_and_follow("/account/tokens", {"name": "My laptop", "scope": "respond"})
    (secret,) = {word for word in answer.words.split() if word.startswith("TOCSIN_TOKEN=tsn_")}
    headers = {"authorization": f"Bearer {secret.removeprefix('TOCSIN_TOKEN=')}"}
    assert harness.http.get("/api/v1/incidents", headers=headers).status_code == 200
    assert harness.http.get("/api/v1/tokens", headers=headers).status_code == 403
    page = browser.get("/account")
    assert "rita/my-laptop" in page.words
    assert secret not in page.text
    for fields in (
        {"name": "My laptop", "scope": "read"},
        {"name": "other", "scope": "administer"},
        {"name": "other", "scope": "everything"},
        {"name": "", "scope": "read"},
    ):
        assert browser.post("/account/tokens", fields).status in (400, 403, 409, 422)
    assert (
        "The token is revoked." in browser.post_and_follow("/account/tokens/my-laptop/revoke").words
    )
    assert harness.http.get("/api/v1/incidents", headers=headers).status_code == 401
    assert browser.post("/account/tokens/my-laptop/revoke").status == 404


def test_nobody_revokes_somebody_elses_token(harness: Harness, people: People) -> None:
    """The path names one's own only."""
    browser = people.administrator
    browser.post("/account/tokens", {"name": "laptop", "scope": "read"})
    assert people.viewer.post("/account/tokens/laptop/revoke").status == 404
    assert "ada/laptop" in browser.get("/account").words
