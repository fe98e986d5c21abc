"""A page may carry links that act once; looking at one changes nothing."""

import base64
import hashlib
import json
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.behaviour.harness import Tocsin, a_server

pytestmark = pytest.mark.anyio

PUBLIC = "https://tocsin.example"
LINKS = {"links": ["resolve", "acknowledge"]}


@pytest.fixture
async def tocsin(home: Path) -> AsyncIterator[Tocsin]:
    """A server that knows how others reach it."""
    async with a_server(home, public_url=PUBLIC) as made:
        yield made


async def paged(tocsin: Tocsin, *, entity_id: str = "disk", **options: Any) -> dict[str, str]:
    """Page somebody; return the paths of the links, by field."""
    await tocsin.configure(
        {"main": [("0s", ["pager"]), ("5m", ["boss"])]}, webhooks={"pager": {**LINKS, **options}}
    )
    await tocsin.open(entity_id)
    fields = tocsin.receiver.requests[-1].fields
    found = {name: fields[name].strip('"') for name in fields if name.endswith("_url")}
    return {name: url.removeprefix(PUBLIC) for name, url in found.items()}


async def follow(tocsin: Tocsin, path: str, method: str = "GET") -> httpx.Response:
    """Ask as a browser would, without a token of the API."""
    answer = await tocsin.http.request(method, path, headers={"Authorization": ""})
    await tocsin.settle()
    return answer


@pytest.mark.parametrize("profile", ["wire", "documented"])
async def test_a_page_has_the_links_that_its_webhook_asks_for(tocsin: Tocsin, profile: str) -> None:
    """Below TOCSIN_PUBLIC_URL, each of its own; another webhook's page has none."""
    links = await paged(tocsin, profile=profile)
    assert links.keys() == {"ack_url", "resolve_url"}
    assert all(re.fullmatch(r"/l/[A-Za-z0-9_-]{44}", path) for path in links.values())
    await tocsin.advance(minutes=5)
    assert not {"ack_url", "resolve_url"} & tocsin.receiver.requests[-1].fields.keys()


@pytest.mark.parametrize(
    ("field", "status", "heading"),
    [
        ("ack_url", "acknowledged", "Incident 1 is acknowledged"),
        ("resolve_url", "resolved", "Incident 1 is resolved"),
    ],
)
async def test_following_a_link_acts(tocsin: Tocsin, field: str, status: str, heading: str) -> None:
    """On the timeline as the link's deed; nobody else is called."""
    path = (await paged(tocsin))[field]
    done = await follow(tocsin, path, "POST")
    assert done.status_code == 200
    assert f"<h1>{heading}</h1>" in done.text
    assert (await tocsin.incident())["status"] == status
    (entry,) = await tocsin.entries(1, status)
    assert entry["actor"] == "link:pager"
    assert "by the link sent to pager" in entry["text"]
    await tocsin.advance(hours=1)
    assert tocsin.receiver.count("/boss") == 0


async def test_looking_changes_nothing(tocsin: Tocsin) -> None:
    """However often a previewer looks: it shows what the incident is, and a button."""
    path = (await paged(tocsin, entity_id="<b>disk</b>"))["ack_url"]
    before = await tocsin.entries()
    for _ in range(2):
        shown = await follow(tocsin, path)
        assert shown.status_code == 200
        assert '<form method="post"><button type="submit">Acknowledge incident 1<' in shown.text
        assert "&lt;b&gt;disk" in shown.text
        assert "<b>disk" not in shown.text
        head = await follow(tocsin, path, "HEAD")
        assert (head.status_code, head.content) == (200, b"")
    assert (await follow(tocsin, path, "DELETE")).status_code == 405
    assert await tocsin.entries() == before
    assert (await tocsin.incident())["status"] == "triggered"


async def test_a_link_works_once(tocsin: Tocsin) -> None:
    """Also when the incident is triggered again; the page says when it was used."""
    path = (await paged(tocsin))["ack_url"]
    await follow(tocsin, path, "POST")
    await tocsin.act(1, "reopen")
    for method in ("POST", "GET"):
        again = await follow(tocsin, path, method)
        assert again.status_code == 410
        assert "It was used at 2026-11-02 03:00:00" in again.text
    assert (await tocsin.incident())["status"] == "triggered"


async def test_a_link_is_good_for_a_day(tocsin: Tocsin) -> None:
    """Then its page says so, and it does nothing."""
    path = (await paged(tocsin))["ack_url"]
    await tocsin.advance(hours=24)
    late = await follow(tocsin, path, "POST")
    assert late.status_code == 410
    assert "This link has expired" in late.text
    assert (await tocsin.incident())["status"] == "triggered"


async def test_a_link_does_nothing_when_its_escalation_was_stopped(tocsin: Tocsin) -> None:
    """The page says who has done what instead; what was started since is another escalation."""
    path = (await paged(tocsin))["resolve_url"]
    await tocsin.act(1, "acknowledge")
    stale = await follow(tocsin, path, "POST")
    assert stale.status_code == 409
    assert "Nothing is left to resolve" in stale.text
    assert re.search(r"stopped: \S+ did so at 2026-11-02 03:00:00", stale.text)
    await tocsin.act(1, "reopen")
    assert (await follow(tocsin, path, "POST")).status_code == 409
    assert (await tocsin.incident())["status"] == "triggered"


async def test_every_wrong_link_is_the_same_404(tocsin: Tocsin) -> None:
    """Changed, cut, or made up: nothing is told about what there is."""
    token = (await paged(tocsin))["ack_url"].removeprefix("/l/")
    wrong = [
        token[:-1],
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        "A" * 44,
        "",
        "a/b",
        "%ff",
    ]
    answers = [
        await follow(tocsin, f"/l/{each}", method) for each in wrong for method in ("GET", "POST")
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert (await tocsin.incident())["status"] == "triggered"


async def test_a_links_page_is_kept_nowhere(tocsin: Tocsin) -> None:
    """No cache, no referrer, no frame, no script, no search engine."""
    for path in ((await paged(tocsin))["ack_url"], "/l/wrong"):
        page = await follow(tocsin, path)
        headers = page.headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-robots-tag"] == "noindex, nofollow"
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "script" not in policy
        # The one style there is, is the one that is allowed.
        (style,) = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


async def test_a_links_token_is_shown_nowhere(
    tocsin: Tocsin, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the log, nor to whoever reads the delivery: that would be enough to act."""
    with caplog.at_level(logging.DEBUG):
        links = await paged(tocsin)
        tokens = [path.removeprefix("/l/") for path in links.values()]
        for method in ("GET", "POST"):
            await follow(tocsin, links["ack_url"], method)
    (delivery,) = await tocsin.deliveries(incident=1)
    shown = json.dumps(await tocsin.get(f"deliveries/{delivery['id']}"))
    ours = [vars(each) for each in caplog.records if each.name.startswith("tocsin")]
    for token in tokens:
        assert token not in shown
        assert token not in str(ours)
    assert "/l/..." in [each.get("path") for each in ours]


async def test_links_need_a_public_url(home: Path) -> None:
    """Saving is refused with what to set, by file and by API."""
    async with a_server(home) as tocsin:
        text = json.dumps({"webhooks": {"pager": {"url": tocsin.receiver.url("/pager"), **LINKS}}})
        refused = await tocsin.ask("POST", "configuration/apply", {"text": text})
        assert refused.status_code == 422
        assert "webhooks.pager.links: links lead to this server" in refused.text
        assert "TOCSIN_PUBLIC_URL" in refused.text
        body = {"name": "Pager", "url": tocsin.receiver.url("/pager"), "links": ["resolve"]}
        refused = await tocsin.ask("POST", "webhooks", body)
        assert refused.json()["error"]["code"] == "links_without_public_url"


async def test_without_a_public_url_any_more_pages_go_out_without_links(
    home: Path,
) -> None:
    """A page is not lost for it; readiness says what to set."""
    async with a_server(home, public_url=PUBLIC) as tocsin:
        await paged(tocsin)
        await tocsin.stop()
        again = Tocsin(home, tocsin.clock, tocsin.receiver)
        await again.start()
        try:
            await again.open("another")
            assert "ack_url" not in tocsin.receiver.requests[-1].fields
            ready = (await again.http.get("/readyz")).json()
            assert "links_without_public_url" in [each["code"] for each in ready["warnings"]]
        finally:
            await again.stop()
