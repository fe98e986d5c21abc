"""Health in the pages: how late pages were, what is wrong, and the pause."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.api.test_deliveries import end, fire
from tests.web.harness import People

from tocsin.domain.outcome import Outcome
from tocsin.domain.spread import spread_of
from tocsin.service.services import Health
from tocsin.web.lateness_chart import HEIGHT, RIGHT, WIDTH, chart_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_how_late_pages_were_is_drawn_and_said(people: People) -> None:
    """As percentiles, as a picture, and as a table behind it."""
    people.harness.open_incident()
    (lease,) = fire(people.harness)
    end(people.harness, lease, Outcome.DELIVERED, 204)
    answer = people.viewer.get("/health")
    assert "All within 1 ms." in answer.words
    charts = [given for tag, given in answer.page.tags if given.get("class") == "chart"]
    assert len(charts) == 2
    assert "The same as a table" in answer.words
    assert answer.page.links["pager"] == "/webhooks/pager"
    assert "last 30 days" not in people.viewer.get("/health?period=month").words
    assert "days are those of UTC" in people.viewer.get("/health?period=month").words
    assert people.viewer.get("/health?period=nonsense").status == 200


def test_hours_are_those_of_the_readers_clock(people: People) -> None:
    """As every other time on the pages is."""
    people.harness.open_incident()
    (lease,) = fire(people.harness)
    end(people.harness, lease, Outcome.DELIVERED, 204)
    hour = people.harness.clock.now().replace(minute=0)
    utc = people.viewer.get("/health").words
    people.viewer.post_and_follow("/account/time-zone", {"zone": "Asia/Kolkata"})
    local = people.viewer.get("/health").words
    for words, zone in ((utc, UTC), (local, ZoneInfo("Asia/Kolkata"))):
        assert f"{hour.astimezone(zone):%H:%M}: half within" in words


def test_an_idle_server_says_so(people: People) -> None:
    words = people.viewer.get("/health").words
    assert "All is well: pages go out." in words
    assert "No step fired within the last day" in words
    assert "No webhook was called within the last day" in words
    assert "nothing waits to be sent" in words
    assert "not paused: there is nothing to resume" in people.viewer.get("/resume").words
    assert (
        "No step fired within the last 30 days" in people.viewer.get("/health?period=month").words
    )


def test_a_warning_leads_to_where_it_is_mended(people: People) -> None:
    """The sentence names a setting; the link beside it opens the page that sets it."""
    assert "To the routing" not in people.viewer.get("/health").page.links
    people.harness.health = Health(has_default_routing=False)
    warned = people.viewer.get("/health")
    assert "An alert under an unknown routing key pages nobody" in warned.words
    assert warned.page.links["To the routing"] == "/routing"


def test_one_webhook_that_fails_is_one_thing_to_look_at(people: People) -> None:
    """That it is held back is a consequence; of one that nobody has named yet it is what there is to tell."""
    held_back = "what is sent there is held back"
    people.harness.health = Health(open_breakers=["siren"], failing_webhooks=["siren"])
    both = people.viewer.get("/health").words
    assert "1 thing needs a look" in both
    assert "1 webhook has failed again and again over ten minutes or more: siren" in both
    assert held_back not in both
    people.harness.health = Health(open_breakers=["chat"], failing_webhooks=["siren"])
    assert held_back in people.viewer.get("/health").words


def test_what_comes_next_is_said(people: People) -> None:
    number = people.harness.open_incident()
    assert "step 1 of" in people.viewer.get("/health").words
    held = {"for": "1h", "length": "", "until": ""}
    people.responder.post_and_follow(f"/incidents/{number}/hold", held)
    assert f"#{number} : its hold ends, due in 1 h" in people.viewer.get("/health").words


def test_a_webhook_that_is_held_back_is_named(people: People) -> None:
    people.harness.health = Health(open_breakers=["chat", "siren"])
    shown = people.viewer.get("/health")
    assert "2 webhooks fail again and again" in shown.words
    assert "held back, but for probes: chat and siren" in shown.words
    assert shown.page.links["To the webhooks"] == "/webhooks"


def test_a_pause_is_on_every_page_until_somebody_resumes(people: People) -> None:
    """Who resumes is shown first what would go out."""
    number = people.harness.open_incident()
    assert "Paused." not in people.viewer.get("/webhooks").words
    paused = people.administrator.post_and_follow("/pause")
    assert "Paused: nothing fires and nothing is sent." in paused.words
    for path in ("/webhooks", "/deliveries", "/health"):
        assert "nobody is paged" in people.viewer.get(path).words
    shown = people.administrator.get("/resume")
    assert "At once would go out: 1 step, 0 ends of holds and 0 attempts." in shown.words
    assert f"#{number}" in shown.page.links
    assert "Resume" in [words for form in shown.page.forms for _, _, words in form.buttons]
    assert "Resumed" in people.administrator.post_and_follow("/resume").words
    assert "Paused." not in people.viewer.get("/webhooks").words


def test_who_may_not_pause_has_no_button(people: People) -> None:
    for path in ("/health", "/resume"):
        actions = [form.action for form in people.responder.get(path).page.forms]
        assert not {"/pause", "/resume"} & set(actions)


def test_a_chart_has_a_bar_for_each_bucket_with_measurements() -> None:
    """Higher is later, the scale is logarithmic, and nothing leaves the picture."""
    quick, slow = spread_of([SECOND / 1000]), spread_of([SECOND / 100, SECOND * 100])
    chart = chart_of([(NOON, quick), (NOON + 3600 * SECOND, None), (NOON + 7200 * SECOND, slow)])
    assert [bar.at.hour for bar in chart.bars] == [12, 14]
    low, high = chart.bars
    assert low.half == low.high == low.greatest
    assert high.greatest == high.high < high.half < low.half
    labels = [line.label for line in chart.lines]
    assert labels == ["1 ms", "10 ms", "100 ms", "1 s", "10 s", "1 min", "10 min"]
    heights = [line.y for line in chart.lines]
    assert heights == sorted(heights, reverse=True)
    for bar in chart.bars:
        assert 0 <= bar.x <= WIDTH - RIGHT - bar.width
        assert 0 <= bar.greatest <= bar.half <= HEIGHT


def test_an_empty_chart_is_drawn_too() -> None:
    assert chart_of([]).bars == ()
    longest = chart_of([(NOON, spread_of([timedelta(days=9)]))])
    assert longest.bars[0].half == 10
