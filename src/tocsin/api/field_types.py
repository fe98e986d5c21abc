"""How things are written in JSON: instants, lengths of time, texts, pages and errors."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from tocsin.domain.duration import format_duration, parse_duration
from tocsin.domain.instant import parse_instant
from tocsin.errors import Fact, TocsinError

T = TypeVar("T")
LONGEST_TEXT: Final = 20_480
_INSTANT: Final = {
    "type": "string",
    "format": "date-time",
    "examples": ["2026-11-23T21:05:00.250000Z"],
}


def instant_text(at: datetime) -> str:
    """Return an instant as every answer writes it: UTC, with microseconds and a Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _read_instant(given: Any) -> datetime:
    if not isinstance(given, str):
        raise ValueError("write an instant as text, such as 2026-11-23T21:05:00Z")  # noqa: TRY004 - pydantic reads ValueError
    try:
        return parse_instant(given)
    except TocsinError as refusal:
        raise ValueError(refusal.message) from None


def _read_duration(given: Any) -> Any:
    if not isinstance(given, str):
        raise ValueError("write a length of time with its unit, as text: 90s, 10m, 1h")  # noqa: TRY004 - pydantic reads ValueError
    try:
        return parse_duration(given)
    except TocsinError as refusal:
        raise ValueError(refusal.message) from None


def _storable(text: str) -> str:
    if "\0" in text or not _is_unicode(text):
        raise ValueError("U+0000 and lone surrogates are not text")
    return text


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


Instant = Annotated[
    datetime, PlainSerializer(instant_text, return_type=str), WithJsonSchema(_INSTANT)
]
"""In answers: ISO 8601 in UTC, microseconds and Z."""
GivenInstant = Annotated[datetime, BeforeValidator(_read_instant), WithJsonSchema(_INSTANT)]
"""In requests: ISO 8601 with a time zone."""
Duration = Annotated[
    timedelta,
    BeforeValidator(lambda given: given if isinstance(given, timedelta) else _read_duration(given)),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(?=[0-9])([0-9]{1,4}d)?([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?$",
            "examples": ["0s", "90s", "10m", "1h30m"],
        }
    ),
]
"""With its unit: `0s`, `90s`, `10m`, `1h30m`."""
_CHARACTERS: Final = r"^[^\x00]*$"
Text = Annotated[
    str,
    StringConstraints(max_length=LONGEST_TEXT, pattern=_CHARACTERS),
    AfterValidator(_storable),
]
Line = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024, pattern=_CHARACTERS),
    AfterValidator(_storable),
]
Message = Annotated[
    str,
    StringConstraints(max_length=1024, pattern=_CHARACTERS),
    AfterValidator(_storable),
    Field(description="A word to the others, on the timeline"),
]
IncidentNumber = Annotated[
    int, Field(ge=1, le=2**53 - 1, description="An incident's number", examples=[1])
]


class RequestModel(BaseModel):
    """What a client sends: nothing is guessed, and a name that is misspelt is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class AnswerModel(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(frozen=True)


class Page(AnswerModel, Generic[T]):
    """A part of a list, newest first."""

    items: list[T]
    next_cursor: Annotated[
        str | None,
        Field(description="Give it back as `cursor` for what follows; null at the end"),
    ] = None


class Error(AnswerModel):
    """A refusal."""

    code: Annotated[str, Field(description="Stable; programs go by it")]
    message: Annotated[str, Field(description="For people; says what to do next")]
    fields: Annotated[
        dict[str, Fact],
        Field(description="The facts behind it; for invalid_request, what is wrong with each part"),
    ]


class ErrorAnswer(AnswerModel):
    """The one shape of everything that is not an answer to what was asked."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "error": {
                        "code": "incident_not_found",
                        "message": "there is no incident 7: list incidents to see their numbers",
                        "fields": {"incident": 7},
                    }
                }
            ]
        }
    )
    error: Error
