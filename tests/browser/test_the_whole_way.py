"""From an empty server to a page that was sent again, through the pages alone: with JavaScript, and without."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, expect
from tests.behaviour.harness import Tocsin, a_receiver
from tests.browser.chromium import a_context, listen_for_complaints
from tests.manual_clock import ManualClock

from tocsin.web.live import REST

pytestmark = [pytest.mark.anyio, pytest.mark.needs("chromium")]
PASSWORD = "correct horse battery staple"
STATE = "7 of 10 checkouts fail"


@dataclass
class Newcomer:
    """Somebody who has just started a server, and a receiver."""

    page: Page
    tocsin: Tocsin
    has_javascript: bool

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def follow(self, name: str) -> None:
        await self.page.get_by_role("link", name=name, exact=True).first.click()

    async def fill(self, label: str, text: str) -> None:
        await self.page.get_by_label(label, exact=True).fill(text)

    async def see(self, what: Locator) -> None:
        """Wait until something is there: it comes by itself, or, without JavaScript, when one looks again."""
        async with asyncio.timeout(20):
            while not await what.count():
                if self.has_javascript:
                    self.tocsin.clock.advance(REST)  # how long a live page waits from news to news
                    await asyncio.sleep(0.01)
                else:
                    await self.page.reload()
        await expect(what.first).to_be_visible()


@pytest.fixture(params=["with JavaScript", "without"])
async def newcomer(
    request: pytest.FixtureRequest, browser: Browser, tmp_path: Path
) -> AsyncIterator[Newcomer]:
    """In front of a server that was never started before."""
    has_javascript = request.param == "with JavaScript"
    (tmp_path / "home").mkdir()
    async with a_receiver() as receiver:
        tocsin = await Tocsin(tmp_path / "home", ManualClock(), receiver).start()
        try:
            async with a_context(
                browser,
                tocsin.server.url,
                with_javascript=has_javascript,
                permissions=["clipboard-read", "clipboard-write"],
            ) as context:
                complaints = listen_for_complaints(context)
                yield Newcomer(await context.new_page(), tocsin, has_javascript)
                assert complaints == []
        finally:
            await tocsin.stop()
        assert receiver.refused == 0, "a signature was wrong"


async def test_from_the_first_start_to_a_page_that_is_sent_again(newcomer: Newcomer) -> None:
    """Sign in, make a webhook, a policy and a key, fire an alert, watch it escalate, acknowledge, send again."""
    await become_administrator(newcomer)
    await make_webhook(newcomer)
    await make_policy(newcomer)
    alert_url = await make_alert_key(newcomer)
    await watch_an_alert_arrive(newcomer, alert_url)
    await watch_it_escalate(newcomer)
    await acknowledge(newcomer)
    await send_again(newcomer)


async def become_administrator(newcomer: Newcomer) -> None:
    """By the link that the first start printed."""
    first_start = newcomer.tocsin.server.first_start
    assert first_start is not None
    page = newcomer.page
    await page.goto(f"/welcome/{first_start.invitation.reveal()}")
    await newcomer.fill("Name", "ada")
    await newcomer.fill("Password", PASSWORD)
    await newcomer.fill("The same again", PASSWORD)
    await newcomer.press("Become administrator")
    await expect(page.get_by_text("Welcome, ada.")).to_be_visible()
    await expect(page.get_by_text("No alert has come in yet")).to_be_visible()


async def make_webhook(newcomer: Newcomer) -> None:
    """A name and a URL are asked for; then its auth code is there, to be copied into the receiver."""
    page, receiver = newcomer.page, newcomer.tocsin.receiver
    await newcomer.follow("Integrations")
    await page.get_by_role("main").get_by_role("link", name="Webhooks", exact=True).click()
    await newcomer.follow("Make the first webhook")
    await newcomer.fill("Name", "Pager")
    await newcomer.fill("URL", receiver.url("/hooks/pager"))
    await newcomer.press("Make the webhook")
    shown = page.locator(".copyable").first
    receiver.auth_code = await shown.locator("code").inner_text()
    assert len(receiver.auth_code) == 36
    if newcomer.has_javascript:
        await shown.get_by_role("button", name="Copy").click()
        await expect(shown.get_by_role("button")).to_have_text("Copied")
        assert await page.evaluate("navigator.clipboard.readText()") == receiver.auth_code
    await newcomer.press("Send a test")
    await newcomer.tocsin.settle()
    await newcomer.see(page.get_by_text("delivered", exact=True))


async def make_policy(newcomer: Newcomer) -> None:
    """In a team; its second step comes five minutes after the first, and a routing key leads to it."""
    page = newcomer.page
    await newcomer.follow("Teams")
    await newcomer.follow("Make the first team")
    await newcomer.fill("Name", "Shop")
    await newcomer.press("Make the team")
    await newcomer.follow("New policy")
    await newcomer.fill("Name", "Primary")
    await page.get_by_label("Webhook 1 of step 1").select_option("pager")
    await newcomer.press("Add a step")
    await newcomer.fill("After step 1", "5m")
    await page.get_by_label("Webhook 1 of step 2").select_option("pager")
    await newcomer.press("Make the policy")
    await expect(page.get_by_text("At 5 min, unless somebody acknowledged: pager.")).to_be_visible()
    await newcomer.follow("New routing key for it")
    await newcomer.fill("Routing key", "shop")
    await newcomer.press("Save")
    await expect(page.get_by_text("shop leads to shop/primary.")).to_be_visible()


async def make_alert_key(newcomer: Newcomer) -> str:
    """Return the address to which monitoring is to post, ready to be pasted."""
    page = newcomer.page
    await newcomer.follow("Integrations")
    await page.get_by_role("main").get_by_role("link", name="Alert keys", exact=True).click()
    await newcomer.fill("Which sender is it for?", "prometheus")
    await newcomer.press("Make the key")
    return await page.locator("#settings .copyable code").first.inner_text()


async def watch_an_alert_arrive(newcomer: Newcomer, alert_url: str) -> None:
    """It appears on the timeline while somebody looks at it, and the receiver was called."""
    page, tocsin = newcomer.page, newcomer.tocsin
    await newcomer.follow("Timeline")
    if newcomer.has_javascript:
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    alert = {"message_type": "CRITICAL", "entity_id": "checkout", "state_message": STATE}
    async with httpx.AsyncClient() as monitoring:
        answer = await monitoring.post(alert_url, json=alert)
    assert answer.json() == {"result": "success", "entity_id": "checkout"}
    await tocsin.settle()
    await newcomer.see(page.get_by_role("listitem").filter(has_text="it calls pager"))
    assert tocsin.called_about("checkout") == ["/hooks/pager"]
    await page.get_by_role("link", name="#1 checkout").first.click()
    await expect(page.locator("#sentence")).to_contain_text("pager")


async def watch_it_escalate(newcomer: Newcomer) -> None:
    """The second step fires five minutes after the first, and the page of the incident says so."""
    page, tocsin = newcomer.page, newcomer.tocsin
    await expect(page.locator(".rung").nth(1)).not_to_contain_text("delivered")
    if newcomer.has_javascript:
        await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    first_at = tocsin.receiver.requests[-1]
    await tocsin.advance(minutes=5)
    await newcomer.see(page.locator(".rung").nth(1).get_by_text("delivered", exact=True))
    second = tocsin.receiver.requests[-1]
    assert second.delivery_id != first_at.delivery_id
    assert second.fields["state_message"] == f'"{STATE}"'


async def acknowledge(newcomer: Newcomer) -> None:
    """One press, and nobody is called any more."""
    page, tocsin = newcomer.page, newcomer.tocsin
    await newcomer.press("Acknowledge")
    await expect(page.get_by_text("Acknowledged by ada").first).to_be_visible()
    called = tocsin.called_about("checkout")
    await tocsin.advance(hours=1)
    assert tocsin.called_about("checkout") == called
    assert (await tocsin.incident())["status"] == "acknowledged"


async def send_again(newcomer: Newcomer) -> None:
    """The first page, from the incident's page: the receiver gets the very same once more."""
    page, tocsin = newcomer.page, newcomer.tocsin
    (first, *_) = [each for each in tocsin.receiver.requests if each.fields.get("incident") == "1"]
    await page.locator(".ladder").get_by_role("link", name="Delivery").first.click()
    await newcomer.press("Send it again")
    await tocsin.settle()
    again = tocsin.receiver.requests[-1]
    await expect(page.get_by_role("heading", name=again.delivery_id)).to_be_visible()
    await newcomer.see(page.get_by_text("delivered", exact=True))
    assert again.delivery_id != first.delivery_id
    assert again.body == first.body
