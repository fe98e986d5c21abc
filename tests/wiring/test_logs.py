"""Logs are lines that machines and people can read."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from tocsin.domain.masking import KnownSecrets
from tocsin.secret import Secret
from tocsin.wiring.logs import LogMask, set_up_logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What is logged; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_text_is_one_line_with_its_facts(stream: io.StringIO) -> None:
    """Whatever is in a fact, it stays on its line and in its quotes."""
    set_up_logs("text", str, stream=stream)
    logging.getLogger("tocsin.engine").error("tick.failed", extra={"cause": 'a\nb "c"', "wait": 2})
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(r'ERROR tick.failed cause="a\nb \"c\"" wait=2')


@pytest.mark.parametrize("form", ["text", "json"])
def test_one_of_several_processes_names_itself_in_every_line(
    form: str, stream: io.StringIO
) -> None:
    """They write to one stream, and nobody could tell them apart."""
    set_up_logs(form, str, stream=stream, process=2)
    logging.getLogger("tocsin.engine").error("tick.failed", extra={"wait": 2})
    told = {"text": "ERROR tick.failed wait=2 process=2", "json": '"wait": 2, "process": 2}'}
    assert stream.getvalue().endswith(f"{told[form]}\n")


def test_what_is_not_known_is_no_fact(stream: io.StringIO) -> None:
    """An attempt without an answer has no status, and not the status "None"."""
    set_up_logs("text", str, stream=stream)
    logging.getLogger("tocsin.engine").warning("attempt.failed", extra={"status": None, "n": 0})
    assert stream.getvalue().endswith("WARNING attempt.failed n=0\n")


def test_json_is_one_object_a_line(stream: io.StringIO) -> None:
    """A traceback, too, is a fact of the object."""
    set_up_logs("json", str, stream=stream)
    try:
        int("broken")
    except ValueError:
        logging.getLogger("tocsin.engine").exception("alert.not_stored", extra={"entity_id": "db"})
    (line,) = stream.getvalue().splitlines()
    happening = json.loads(line)
    assert happening["event"] == "alert.not_stored"
    assert (happening["level"], happening["entity_id"]) == ("error", "db")
    assert "ValueError: invalid literal" in happening["traceback"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_is_known_to_be_secret_is_masked_in_every_line(form: str, stream: io.StringIO) -> None:
    """In facts, messages and tracebacks; what is known may change while the server runs."""
    mask = LogMask()
    set_up_logs(form, mask, stream=stream)
    mask.mask = KnownSecrets(["an-auth-code-of-1"]).mask
    try:
        nothing: dict[str, str] = {}
        nothing.pop("an-auth-code-of-1")
    except KeyError:
        logging.getLogger("tocsin").exception(
            "no an-auth-code-of-1", extra={"a": "an-auth-code-of-1"}
        )
    assert stream.getvalue().count("***") >= 3
    assert "an-auth-code" not in stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_that_is_quoted_twice_is_masked(form: str, stream: io.StringIO) -> None:
    """By what quotes it, an exception for one, and by the line around that."""
    code = "a\\code\"of'its-own\\kind"
    set_up_logs(form, KnownSecrets([code]).mask, stream=stream)
    try:
        nothing: dict[str, str] = {}
        nothing.pop(code)
    except KeyError as error:
        facts = {"a": repr(code), "b": json.dumps({"code": code}), "c": error}
        logging.getLogger("tocsin").exception("alert.lost", extra=facts)
    assert "kind" not in stream.getvalue()
    assert "its-own" not in stream.getvalue()
    assert stream.getvalue().count("***") == 4


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_that_is_logged_stays_one(form: str, stream: io.StringIO) -> None:
    """A fact that is a Secret shows that there is one, and not which."""
    set_up_logs(form, str, stream=stream)
    logging.getLogger("tocsin").warning("webhook.changed", extra={"auth_code": Secret("hunter2")})
    assert "hunter2" not in stream.getvalue()
    assert "***" in stream.getvalue()
