"""What sentences of the domain become in a page."""

from datetime import UTC, datetime

from tocsin.domain.wording import date_text, instant_text
from tocsin.web.prose import local_prose, prose
from tocsin.web.times import find_zone

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
BERLIN = find_zone("Europe/Berlin")
ID = "dlv_0c8ef3f440000a11"


def shown(text: str) -> str:
    return str(prose(text, now=NOW, zone=BERLIN))


def shown_local(text: str) -> str:
    return str(local_prose(text, now=NOW, zone=BERLIN))


def test_a_sentence_is_in_the_readers_time_zone() -> None:
    """The domain names instants in UTC; a page must not have two clocks."""
    text = f"Held by <bob> until {instant_text(NOW)}; it ends at {date_text(NOW)}."
    time = '<time datetime="2026-11-23T03:00:00+00:00" title="2026-11-23 04:00:00.000 CET">04:00:00</time>'

    assert shown(text) == f"Held by &lt;bob&gt; until {time}; it ends at {time}."
    assert shown_local(text) == shown(text)


def test_an_instant_that_there_is_not_stays_text() -> None:
    """An alert may say anything."""
    text = "until 2026-99-99 99:99:99.000Z"
    assert shown_local(text) == shown(text) == text


def test_ids_are_links_or_left_out() -> None:
    """People read which delivery it is; of an alert there is no page. What an alert says is not changed so."""
    link = f'<a href="/deliveries/{ID}">{{}} …0a11</a>'

    assert shown(f"{ID} to chat is sent as {ID}.") == (
        f"{link.format('Delivery')} to chat is sent as {link.format('delivery')}."
    )
    assert shown(f"It was delivered ({ID}).") == "It was delivered."
    alert = "alr_0c8ef3f440000a11"
    assert shown(f"Opened with alert {alert}.") == "Opened with an alert."
    assert shown(f"Alert {alert} rolled up.") == "An alert rolled up."
    assert shown_local(f"{ID} ({ID})") == f"{ID} ({ID})"


def test_somebodys_own_words_are_not_changed() -> None:
    """Whoever names a delivery, or an alert, in what they say is quoted so; a clock is the reader's everywhere."""
    said = f"see ({ID}), <b> and Alert alr_0c8ef3f440000a11"
    assert shown(f"Held by bob, in its answer to {ID}, who says: {said}.") == (
        f'Held by bob, in its answer to <a href="/deliveries/{ID}">delivery …0a11</a>, who says: '
        f"see ({ID}), &lt;b&gt; and Alert alr_0c8ef3f440000a11."
    )
    assert ">04:00:00</time>" in shown(f"Held by bob, who says: at {instant_text(NOW)}.")
