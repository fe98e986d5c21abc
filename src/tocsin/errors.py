"""The one root of every refusal that Tocsin can explain."""

from typing import ClassVar

Fact = str | int | float | bool | None | list[dict[str, str | int]]


class TocsinError(Exception):
    """A refusal with a reason.

    `code` is public API and never changes; `status_hint` is what an HTTP front end
    should answer; `fields` are the facts, ready to be rendered as JSON. The message is
    a sentence that says what to do next. Whoever catches one logs it; nobody else does.

    Each refusal is defined in the module that raises it.
    """

    code: ClassVar[str]
    status_hint: ClassVar[int] = 400

    def __init__(self, message: str, **fields: Fact) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields
