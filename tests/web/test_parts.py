"""Lists of what is configured are shown a part at a time."""

from datetime import timedelta

import pytest
from tests.web.harness import People

from tocsin.actions.alert_keys import create_alert_key
from tocsin.actions.configured_heartbeats import create_heartbeat
from tocsin.actions.users import add_user
from tocsin.actions.webhooks import create_webhook
from tocsin.domain.user import UserRole
from tocsin.store.database import Tx
from tocsin.web.parts import SHOWN

NAMES = [f"many-{number:03}" for number in range(SHOWN + 7)]


@pytest.fixture
def crowded(people: People) -> People:
    """In front of a server that has more of everything than a page shows."""
    editor = people.harness.editor()

    def make(tx: Tx) -> None:
        for name in NAMES:
            create_webhook(tx, name=name, url=f"https://{name}.example/", editor=editor)
            create_alert_key(tx, name=name, editor=editor)
            create_heartbeat(tx, name, every=timedelta(hours=1), editor=editor)
            add_user(tx, name=name, role=UserRole.VIEWER, editor=editor)

    people.harness.write(lambda tx, _context: make(tx))
    return people


@pytest.mark.parametrize("path", ["/webhooks", "/alert-keys", "/heartbeats", "/users"])
def test_each_is_shown_once_however_many_there_are(crowded: People, path: str) -> None:
    """At most 50 on a page; a link leads to those that follow, and from one that is gone it begins anew."""
    root = crowded.administrator
    seen: list[str] = []
    link = path
    for _ in range(5):
        answer = root.get(link)
        found = [name for name in NAMES if name in answer.text]
        assert 0 < len(found) <= SHOWN
        seen += found
        if "More" not in answer.page.links:
            break
        link = answer.page.links["More"]
    assert sorted(seen) == NAMES
    anew = root.get(f"{path}?after=gone&routing_key=x")
    assert "after=gone" not in anew.page.links["More"]
    assert anew.text.count("many-") >= SHOWN - 10


def test_whoever_is_disabled_between_two_parts_hides_nobody(crowded: People) -> None:
    """An administrator disables the last of a part, and goes on by its link; the link says where the disabled ones begin."""
    root = crowded.administrator
    more = root.get("/users").page.links["More"]
    last = more.partition("after=")[2]
    root.post(f"/users/{last}/disable")
    rest = root.get(more)
    assert all(name in rest.text for name in NAMES if name > last)
    for name in NAMES:
        root.post(f"/users/{name}/disable")
    second = root.get(root.get("/users").page.links["More"])
    assert NAMES[-1] in second.text
    assert NAMES[0] not in second.text
