"""People who are invited, sign in, and show who they are. Their passwords are hashed as `h(...)` here."""

from dataclasses import replace
from datetime import timedelta

from tests.configuration.editing import NOW, Alice

from tocsin.actions.editor import Editor
from tocsin.actions.invitations import Acceptance, accept_invitation, invite
from tocsin.actions.sessions import Credentials, NewSession, find_credentials, find_session
from tocsin.actions.sessions import sign_in as sign_in_
from tocsin.actions.users import add_user
from tocsin.domain.session import Client, SignedIn
from tocsin.domain.user import UserRole
from tocsin.secret import Secret

BROWSER = Client("192.0.2.7", "Firefox on Linux")


def later(alice: Alice, **passed: float) -> Editor:
    """Alice's editor, some time after NOW."""
    return replace(alice.editor, now=NOW + timedelta(**passed))


def join(alice: Alice, name: str, role: UserRole, *teams: str) -> NewSession:
    """Somebody who was invited, has chosen the password `h(NAME)`, and so is signed in."""
    alice.does(add_user, name=name, role=role, of_teams=teams)
    return accept(alice, alice.does(invite, name).token, name)


def accept(alice: Alice, token: Secret, name: str, *, password: str = "") -> NewSession:
    accepted = Acceptance(name, password or f"h({name})")
    session: NewSession = alice.does(accept_invitation, token, accepted, client=BROWSER)
    return session


def proven(alice: Alice, name: str) -> Credentials:
    """What somebody has proven who gave the right password."""
    with alice.database.read() as tx:
        found = find_credentials(tx, name)
    assert found is not None
    return found


def sign_in(alice: Alice, name: str) -> NewSession:
    session: NewSession = alice.does(sign_in_, proven(alice, name), client=BROWSER)
    return session


def who(alice: Alice, token: Secret, **passed: float) -> SignedIn | None:
    """Whoever shows this token to a page, some time after NOW."""
    with alice.database.read() as tx:
        return find_session(tx, token, now=NOW + timedelta(**passed))
