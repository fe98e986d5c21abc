"""JSON as it is kept in the database: compact, non-ASCII as it is, made and read in a microsecond.

Only for what Tocsin itself has put together. What others send is read in `tocsin.domain.alert_json`,
which keeps numbers as they were written and repairs what no database can hold.
"""

from typing import Any

import orjson


def to_json(value: Any) -> str:
    """Return the text to keep. Raises: TypeError for half a character (a lone surrogate).

    Named tuples are kept as lists.
    """
    return orjson.dumps(value, default=tuple).decode()


def json_part(value: Any) -> Any:
    """Return a value that `to_json` takes within another one without making its text again."""
    return orjson.Fragment(orjson.dumps(value, default=tuple))


def from_json(text: str) -> Any:
    """Return what `to_json` was given; tuples come back as lists."""
    return orjson.loads(text)
