"""The examples of the README run, each in the framework that it is for."""

import asyncio
import logging
import re
import types
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings  # type: ignore[import-untyped]
from django.test import Client  # type: ignore[import-untyped]
from django.test.utils import override_settings  # type: ignore[import-untyped]

from tocsin.domain.payload import PayloadProfile, make_body
from tocsin_receiver import BadSignature, Mistake, decode_form, sign, sign_standard, sign_text

README = Path(__file__).parents[2] / "receiver" / "README.md"
URL = "https://pager.example.org/escalation"
AUTH_CODE = "w~4bT8-uQz0LhXo5Yc2RsJ7dVn1MgKe9PiAf"
ALERT = {"entity_id": "db-4", "entity_state": "CRITICAL", "state_message": 'says "full" &c. ü'}
BODY = make_body(PayloadProfile.WIRE, incident=31, alert=ALERT)
SIGNATURE = sign_text(URL, BODY.signed_text, AUTH_CODE)
FORM_TYPE = "application/x-www-form-urlencoded"

BELIEVED = "incident 31: PROBLEM  db-4 CRITICAL"
TAMPERED = BODY.form.replace(b"db-4", b"db-5")


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("PAGER_AUTH_CODE", AUTH_CODE)
    caplog.set_level(logging.INFO)


def example(heading: str) -> Any:
    """Return the code under `heading`, run as a module."""
    section = README.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    module = types.ModuleType("readme_" + re.sub(r"\W", "_", heading).lower())
    exec(compile(code, str(README), "exec"), module.__dict__)
    return module


def test_flask(caplog: pytest.LogCaptureFixture) -> None:
    """204 for what the webhook sent, 401 and the reason in the log for anything else."""
    client = example("Flask").app.test_client()
    caplog.set_level(logging.INFO)

    def post(form: bytes) -> int:
        headers = {"X-VictorOps-Signature": SIGNATURE}
        answer = client.post("/escalation", data=form, headers=headers, content_type=FORM_TYPE)
        return int(answer.status_code)

    assert post(TAMPERED) == 401
    assert "refused: the signature does not match" in caplog.text
    assert BELIEVED not in caplog.text
    assert post(BODY.form) == 204
    assert BELIEVED in caplog.text


def test_fastapi(caplog: pytest.LogCaptureFixture) -> None:
    """204 for what the webhook sent, 401 and the reason in the log for anything else."""
    app = example("FastAPI").app

    async def send(form: bytes) -> httpx.Response:
        headers = {"X-VictorOps-Signature": SIGNATURE, "Content-Type": FORM_TYPE}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
            return await client.post("http://127.0.0.1/escalation", content=form, headers=headers)

    def post(form: bytes) -> int:
        return asyncio.run(send(form)).status_code

    assert post(TAMPERED) == 401
    assert "refused: the signature does not match" in caplog.text
    assert BELIEVED not in caplog.text
    assert post(BODY.form) == 204
    assert BELIEVED in caplog.text


def test_django(caplog: pytest.LogCaptureFixture) -> None:
    """204 for what the webhook sent, past Django's CSRF check; 401 for anything else."""
    if not django_settings.configured:
        django_settings.configure()
    middleware = ["django.middleware.csrf.CsrfViewMiddleware"]

    def post(form: bytes) -> int:
        headers = {"X-VictorOps-Signature": SIGNATURE}
        client = Client(enforce_csrf_checks=True)
        answer = client.post("/escalation", data=form, content_type=FORM_TYPE, headers=headers)
        return int(answer.status_code)

    with override_settings(
        ROOT_URLCONF=example("Django"), MIDDLEWARE=middleware, ALLOWED_HOSTS=["testserver"]
    ):
        assert post(TAMPERED) == 401
        assert "refused: the signature does not match" in caplog.text
        assert BELIEVED not in caplog.text
        assert post(BODY.form) == 204
        assert BELIEVED in caplog.text


def test_refusing_a_replay() -> None:
    """The first attempt of a delivery gives its fields, the second nothing; and forgery an error."""
    module = example("Refusing a replay")
    signed_at = int(module.time.time())
    headers = {
        "webhook-id": "dlv_31",
        "webhook-timestamp": str(signed_at),
        "webhook-signature": sign_standard(AUTH_CODE, "dlv_31", signed_at, BODY.form),
    }
    seen: set[str] = set()
    with pytest.raises(BadSignature):
        module.fields_once(headers, TAMPERED, AUTH_CODE, seen)
    assert module.fields_once(headers, BODY.form, AUTH_CODE, seen) == decode_form(BODY.form)
    assert module.fields_once(headers, BODY.form, AUTH_CODE, seen) is None


def test_when_a_signature_does_not_match(capsys: pytest.CaptureFixture[str]) -> None:
    """It prints what the README shows, to the letter."""
    signature = sign(URL + "/", {"incident": "31", "summary": ""}, AUTH_CODE)
    module = example("When a signature does not match")
    module.show(URL + "//", b"incident=31&summary=", AUTH_CODE, signature)
    (shown,) = re.findall(r"```text\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == shown.splitlines()


def test_every_mistake_is_in_the_readme() -> None:
    """By the name that programs see."""
    text = README.read_text(encoding="utf-8")
    assert [mistake.value for mistake in Mistake if f"`{mistake.value}`" not in text] == []


def test_every_public_name_is_in_the_readme() -> None:
    """What can be called, and what can be raised, is written down."""
    import tocsin_receiver

    types_of_arguments = {"AuthCode", "Fields", "Headers"}
    text = README.read_text(encoding="utf-8")
    missing = [
        name
        for name in set(tocsin_receiver.__all__) - types_of_arguments
        if not re.search(rf"`{name}\b", text)
    ]
    assert missing == []
