"""Whether a request that could not be read was about an entity, as far as its text shows it."""

import json
import re
from urllib.parse import quote, quote_plus


def spellings(entity_id: str) -> frozenset[str]:
    """Return the entity id as senders write it: in JSON, as several encoders escape it, and in forms."""
    in_json = {json.dumps(entity_id, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False)}
    escaped = {text.replace("/", "\\/") for text in in_json}
    return frozenset({entity_id, quote_plus(entity_id), quote(entity_id)} | in_json | escaped)


def is_about(text: str, entity_id: str) -> bool:
    """Return whether `entity_id` stands in the text as the whole value of that field.

    Whatever kept the text from being read, JSON or a form: `disk` is not found in `disk/db1`, nor in
    what another field says.
    """
    spelled = "|".join(map(re.escape, sorted(spellings(entity_id))))
    field = re.compile(
        rf"""(?<![\w.-]) (?i:entity_id) ["']? \s* [:=] \s*
             (?: (["']) (?:{spelled}) \1 | (?:{spelled}) (?=\s*(?:[&,;}}\r\n]|\Z)) )""",
        re.VERBOSE,
    )
    return field.search(text) is not None
