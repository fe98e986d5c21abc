"""Identities at a provider are unlinked on pages: by whose they are, and by an administrator."""

from tests.api.harness import Harness
from tests.web.harness import Answer, Browser, People
from tests.web.test_signing_in import choose, link_of, sign_in

from tocsin.actions.identities import link_identity
from tocsin.actions.users import show_user
from tocsin.domain.single_sign_on import Identity

HOSTILE = "<script>\"' & " + "w" * 200
OWN, OF_RITA = "/account/identities/unlink", "/users/rita/identities/unlink"


def link(harness: Harness, name: str, subject: str = HOSTILE) -> None:
    identity = Identity("https://login.example", subject, name)
    harness.write(
        lambda tx, _: link_identity(tx, show_user(tx, name), identity, editor=harness.editor())
    )


def press(browser: Browser, page: Answer, action: str) -> Answer:
    form = page.page.form(action)
    return browser.post(action, dict(form.fields))


def test_one_unlinks_ones_own(harness: Harness, people: People) -> None:
    """This browser stays signed in, the others do not."""
    browser, other = people.stranger, people.stranger
    choose(browser, link_of(harness, "rita"))
    sign_in(other, "rita")
    link(harness, "rita")
    page = browser.get("/account")
    assert HOSTILE in page.words
    assert "<script>" not in page.text
    assert press(browser, page, OWN).to == "/account"
    assert "It is unlinked" in browser.get("/account").words
    assert OWN not in [form.action for form in browser.get("/account").page.forms]
    assert other.get("/account").to.startswith("/sign-in")
    gone = press(browser, page, OWN)
    assert (gone.status, "identity_not_found" in gone.text) == (404, True)


def test_an_administrator_unlinks_anybodys(harness: Harness, people: People) -> None:
    """Whoever it was is signed out, and the audit log says who did it."""
    root, browser = people.administrator, people.stranger
    choose(browser, link_of(harness, "rita"))
    link(harness, "rita", "4711")
    page = root.get("/users/rita")
    assert press(root, page, OF_RITA).to == "/users/rita"
    assert "rita is signed out everywhere" in root.get("/users/rita").words
    assert browser.get("/account").to.startswith("/sign-in")
    assert "ada user unlinked rita" in root.get("/audit").words
    assert root.post("/users/nobody/identities/unlink").status == 404


def test_the_last_way_in_stays_and_the_page_says_why(harness: Harness, people: People) -> None:
    """On one's own page, and on the administrators'."""
    root, browser = people.administrator, people.responder  # who have no passwords
    link(harness, "rita")
    for page in (
        press(browser, browser.get("/account"), OWN),
        press(root, root.get("/users/rita"), OF_RITA),
    ):
        assert (page.status, "has no other way to sign in" in page.words) == (409, True)
        assert HOSTILE in page.words
    assert browser.get("/account").status == 200
