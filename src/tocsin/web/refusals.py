"""What pages refuse, before any of them is asked."""

from collections.abc import Sequence
from typing import ClassVar

from tocsin.errors import TocsinError


class NoSuchPage(TocsinError):
    """There is nothing at this path."""

    code: ClassVar[str] = "no_such_page"
    status_hint: ClassVar[int] = 404

    def __init__(self) -> None:
        super().__init__("There is no page here: choose one above, or go back")


class WrongMethod(TocsinError):
    """This path exists, but not with this method."""

    code: ClassVar[str] = "method_not_allowed"
    status_hint: ClassVar[int] = 405

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"This path takes {self.allowed}: begin at the page that has its form")


class SignInFirst(TocsinError):
    """Nobody is signed in, or the session has ended."""

    code: ClassVar[str] = "sign_in_first"
    status_hint: ClassVar[int] = 401

    def __init__(self) -> None:
        super().__init__(
            "You are not signed in any more, so nothing was changed: sign in, open the page again "
            "and send it from there"
        )


class NotAllowed(TocsinError):
    """Who is signed in may not do this."""

    code: ClassVar[str] = "not_allowed"
    status_hint: ClassVar[int] = 403

    _WHO: ClassVar = {
        "respond": "a responder",
        "team": "an administrator of this team",
        "administer": "an administrator",
    }

    def __init__(self, needs: str, name: str) -> None:
        who = self._WHO.get(needs, "somebody else")
        super().__init__(
            f"This needs {who}, which {name} is not: an administrator can change that under Users"
        )


class CameFromElsewhere(TocsinError):
    """A form that no page of this session had."""

    code: ClassVar[str] = "came_from_elsewhere"
    status_hint: ClassVar[int] = 403

    def __init__(self) -> None:
        super().__init__(
            "This form was not made by your present session, so nothing was changed: open its page "
            "again, and send it from there"
        )


class FormTooLarge(TocsinError):
    """More fields than any form of ours has."""

    code: ClassVar[str] = "form_too_large"
    status_hint: ClassVar[int] = 413

    def __init__(self) -> None:
        super().__init__("The form has too many fields: send fewer")
