"""The editor of policies in a real browser: what would happen is told while it is typed."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from playwright.async_api import Browser, Page, expect
from tests.behaviour.harness import Tocsin
from tests.browser.chromium import a_context, listen_for_complaints
from tests.browser.signing_in import carrying
from tests.worlds.people import ADMINISTRATOR, join

from tocsin.domain.user import UserRole

pytestmark = [pytest.mark.anyio, pytest.mark.needs("chromium")]
MAIN: Final = "/teams/ops/policies/main"


@pytest.fixture
async def page(browser: Browser, tocsin: Tocsin) -> AsyncIterator[Page]:
    """A window of an administrator. A complaint of a page fails the test."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("5m", ["phone"])]})
    token = await join(tocsin, ADMINISTRATOR, UserRole.ADMINISTRATOR)
    state: Any = carrying(tocsin, token)
    async with a_context(browser, tocsin.server.url, storage_state=state) as context:
        complaints = listen_for_complaints(context)
        yield await context.new_page()
        assert not complaints


async def test_the_words_follow_what_is_typed(page: Page) -> None:
    """Words, axis and warnings, without a button; a length that cannot be read yet says what to write."""
    await page.goto(f"{MAIN}/edit")
    preview = page.locator("#preview")
    await page.get_by_label("After step 1").fill("25")
    await expect(preview).to_contain_text("Write 25s or 25m")
    await page.get_by_label("After step 1").fill("25m")
    await expect(preview).to_contain_text("At 25 min, unless somebody acknowledged: phone.")
    await expect(preview.locator("svg")).to_contain_text("25 min")
    await page.get_by_label("Webhook 1 of step 2").select_option("pager")
    await expect(preview).to_contain_text("At 25 min, unless somebody acknowledged: pager.")
    await page.get_by_label("How often again").fill("2")
    await page.get_by_label("How long after the last step").fill("15m")
    await expect(preview).to_contain_text("Then all steps again, 2 times")


async def test_steps_are_arranged_without_losing_the_place(page: Page) -> None:
    """A button changes the steps in place, keeps what was typed, and the keyboard goes on from there."""
    await page.goto(f"{MAIN}/edit")
    await page.get_by_label("Name").fill("Typed")
    await page.get_by_role("button", name="Add a step").click()
    new = page.get_by_label("After step 2")
    await expect(new).to_be_focused()
    await page.get_by_label("Webhook 1 of step 3").select_option("phone")
    await page.get_by_role("button", name="Move step 3 up").click()
    await expect(page.get_by_role("button", name="Move step 2 up")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Move step 1 down")).to_be_focused()
    await expect(page.get_by_label("Name")).to_have_value("Typed")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("heading", name="Typed")).to_be_visible()
    await expect(page.locator(".foreseen").first).to_contain_text(
        "At 5 min, unless somebody acknowledged: phone and pager."
    )
