"""A world in which everybody names things as badly as the server lets them, and nobody is hurt by it."""

import json
from datetime import datetime
from typing import Any, Final

from tests.behaviour.harness import Tocsin
from tests.behaviour.receiver import AUTH_CODE
from tests.worlds.people import ADMINISTRATOR, join

from tocsin.domain.user import UserRole

BEGINS: Final = datetime.fromisoformat("2026-11-02T02:00:00+00:00")
ENDS: Final = datetime.fromisoformat("2026-11-02T03:07:00+00:00")
HACKED: Final = "hacked"
"""What the title of a page is, and what it has a global variable of, if any of this ran."""
_RUNS: Final = f"document.title='{HACKED}';window.{HACKED}=1"
SCRIPT: Final = f"</title></textarea><script>{_RUNS}</script>"
IMAGE: Final = f'"\'><img src=x onerror="{_RUNS}"><svg onload={_RUNS}>'
TEMPLATE: Final = "{{ 7*7 }}{% include 'x' %}${7*7}<%= 7*7 %>"
LONG_WORD: Final = "Donaudampfschiff" * 31 + "fahrt"
RIGHT_TO_LEFT: Final = "\u202egnorw si siht\u202c \u05e9\u05dc\u05d5\u05dd \u0627\u0644\u062e\u0627\u062f\u0645 \u200f(1)"
INVISIBLE: Final = "zero\u200bwidth\u2060joiner\u200d\ufeff and \u00ad\x07\x1b[31mred"
EMOJI: Final = (
    "\U0001f525\U0001f469\u200d\U0001f692\U0001f3f3\ufe0f\u200d\U0001f308 fire \U0001f1e9\U0001f1ea"
)
STACKED: Final = "Z\u0351\u036b\u0343\u036a\u0302" * 20
NAMES: Final = (
    f"<script>{_RUNS}</script>",
    f'"><img src=x onerror="{_RUNS}">',
    "W" * 200,
    "\u05e9\u05dc\u05d5\u05dd \u0627\u0644\u062e\u0627\u062f\u0645 \u05d4\u05e8\u05d0\u05e9\u05d9",
    "\U0001f525 fire \u2603 & <b>bold</b>",
    TEMPLATE,
)
"""Those that may stand in a name, which is one line of 200 printable characters."""
ENTITIES: Final = (SCRIPT, IMAGE, LONG_WORD, RIGHT_TO_LEFT, INVISIBLE, EMOJI, STACKED, TEMPLATE)
_LONGEST_SLUG: Final = "w" * 64


def hostile_configured(receiver: str) -> str:
    """Return the file: every name is hostile, every slug as long as it may be."""
    slugs = [_LONGEST_SLUG, *(f"hostile-{number}" for number in range(1, len(NAMES)))]
    path = "?q=<script>alert(1)</script>&" + "x" * 400
    described = {
        "webhooks": {
            slug: {"name": name, "url": f"{receiver}/{slug}{path}", "auth_code": AUTH_CODE}
            for slug, name in zip(slugs, NAMES, strict=True)
        },
        "teams": {
            slug: {"name": name, "policies": {slug: {"name": name, "steps": _steps(slugs, steps)}}}
            for slug, name, steps in zip(slugs, NAMES, (4, 15, 3, 3, 3, 3), strict=True)
        },
        "routing_keys": {
            "R" * 100: {"policies": [f"{slug}/{slug}" for slug in (slugs[0], slugs[2])]}
        },
        "default_routing": {"policies": [f"{_LONGEST_SLUG}/{_LONGEST_SLUG}"]},
        "alert_keys": {slug: {} for slug in slugs},
        "heartbeats": {
            slug: {"name": name, "every": "1m", "grace": "10s", "routing_key": "R" * 100}
            for slug, name in zip(slugs, NAMES, strict=True)
        },
    }
    return json.dumps(described, ensure_ascii=False)


def _steps(slugs: list[str], count: int) -> list[dict[str, Any]]:
    """Return steps that call everybody, the first at once, the others after ten minutes each."""
    return [{"after": "10m" if number else "0s", "webhooks": slugs} for number in range(count)]


async def happen_to_hostile(tocsin: Tocsin) -> None:
    """Open incidents about everything at once, to a server that is configured as above."""
    await tocsin.post("tokens", name=_LONGEST_SLUG, scope="read")
    await join(tocsin, ADMINISTRATOR, UserRole.ADMINISTRATOR)
    await join(tocsin, _LONGEST_SLUG, UserRole.TEAM_ADMINISTRATOR, _LONGEST_SLUG, "hostile-1")
    slug = f"/hostile-1?q=<script>alert(1)</script>&{'x' * 400}"
    tocsin.receiver.say(slug, f"<script>{_RUNS}</script>{LONG_WORD}{RIGHT_TO_LEFT}", status=500)
    for entity in ENTITIES:
        await tocsin.alert("CRITICAL", entity, key="R" * 100, **_fields(entity))
        await tocsin.advance(seconds=20)
    numbers = [each["number"] for each in (await tocsin.get("incidents"))["items"]]
    await tocsin.act(numbers[0], "acknowledge", message=SCRIPT[:100])
    await tocsin.act(numbers[1], "hold", message=LONG_WORD, **{"for": "4h"})
    await tocsin.act(numbers[2], "resolve", message=RIGHT_TO_LEFT)
    await tocsin.post("incidents", summary=IMAGE, details=LONG_WORD, routing_key="R" * 100)
    await tocsin.post_alert(b'{"message_type": "' + SCRIPT.encode(), key="<script>")
    await tocsin.post_alert({SCRIPT: LONG_WORD}, key="%2e%2e")
    await tocsin.post_alert({"message_type": "CRITICAL"}, alert_key="%3Cscript%3E" * 5)
    await tocsin.alert(SCRIPT, "what", key="none")
    await tocsin.advance(seconds=(ENDS - tocsin.now).total_seconds())


def _fields(entity: str) -> dict[str, Any]:
    """Return 300 fields, links that nobody should follow, images that nobody should load."""
    return {
        "entity_display_name": entity,
        "state_message": "\n".join([entity, "", SCRIPT, *["line"] * 40, LONG_WORD]),
        "monitoring_tool": IMAGE,
        "host_name": INVISIBLE,
        "vo_annotate.u.Runbook": f"javascript:{_RUNS}",
        "vo_annotate.u.Data": f"data:text/html,<script>{_RUNS}</script>",
        "vo_annotate.u.Tab": f"java\tscript:{_RUNS}",
        f"vo_annotate.u.{IMAGE[:60]}": f'https://example.com/"onmouseover="{_RUNS}',
        "vo_annotate.u.Good": "https://wiki.example.com/runbook?a=1&b=<2>",
        "vo_annotate.i.Tracker": "https://tracker.example.net/pixel.gif",
        "vo_annotate.i.Script": f"javascript:{_RUNS}",
        f"vo_annotate.s.{LONG_WORD[:200]}": LONG_WORD,
        "vo_annotate.s.Right to left": RIGHT_TO_LEFT,
        **{
            f"labels.{SCRIPT}.{number}": LONG_WORD if number % 50 == 0 else f"{TEMPLATE} {number}"
            for number in range(288)
        },
    }
