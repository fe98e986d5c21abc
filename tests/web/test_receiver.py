"""What the pages tell the writer of a receiver: code, samples, and why a signature is refused."""

from tests.web.harness import People

from tocsin.domain.payload import PayloadProfile
from tocsin.domain.sample_page import sample_pages
from tocsin_receiver import decode_form, sign

URL = "https://pager.example/hook?to=ops"
AUTH_CODE = "~Bob-knows-this-auth-code-from-before"
BODY = "incident=31&message=&entity_id=%22db-4%22&summary=ok"
PATH = "/webhooks/pager/signature"


def test_a_receiver_is_given_code_with_its_url_and_both_profiles(people: People) -> None:
    """And one line says how such a webhook differs from VictorOps' custom outgoing ones."""
    answer = people.administrator.get("/webhooks/pager/receiver")
    assert f'URL = "{URL}"' in answer.words
    for words in ("Node.js", "Go", "Ruby", "PHP", "Java", "Shell and openssl"):
        assert words in answer.words
    for sample in sample_pages(
        organisation="acme", with_summary=True, now=people.harness.clock.now()
    ):
        assert sample.body in answer.words
    assert "custom outgoing webhooks" in answer.words
    assert "follow-ups" in answer.words
    assert "tried again, except 410 (Gone)" in answer.words
    assert AUTH_CODE not in answer.text


def test_the_url_is_for_administrators(people: People) -> None:
    answer = people.responder.get("/webhooks/pager/receiver")
    assert answer.status == 200
    assert "pager.example" not in answer.text


def test_the_samples_are_made_as_pages_are(people: People) -> None:
    """The quotes are there in profile wire, and three fields in the other."""
    wire, documented = sample_pages(
        organisation="acme", with_summary=True, now=people.harness.clock.now()
    )
    assert wire.profile is PayloadProfile.WIRE
    assert dict(wire.fields)["message_type"] == '"CRITICAL"'
    assert dict(wire.fields)["vo_organization_id"] == '"acme"'
    assert [name for name, _ in documented.fields] == ["Incident", "Summary", "Message"]
    for each in (wire, documented):
        assert decode_form(each.body.encode()) == dict(each.fields)


def test_a_right_signature_is_called_right(people: People) -> None:
    """A body and a signature are enough, and nothing that would be secret is shown."""
    signature = sign(URL, decode_form(BODY.encode()), AUTH_CODE)
    answer = people.administrator.post(PATH, {"request": f"{BODY}\n", "signature": signature})
    assert answer.status == 200
    assert "It is the signature of these bytes" in answer.words
    assert AUTH_CODE not in answer.text


def test_a_wrong_one_says_which_step_differs(people: People) -> None:
    """A whole captured request, signed for another URL and with the quotes taken off."""
    form = {"incident": "31", "entity_id": "db-4", "message": "", "summary": "ok"}
    signature = sign(f"{URL}/", form, AUTH_CODE)
    request = (
        f"POST /hook?to=ops HTTP/1.1\r\nHost: pager.example\r\n"
        f"X-VictorOps-Signature: {signature}\r\n\r\n{BODY}"
    )
    answer = people.administrator.post(PATH, {"request": request})
    assert answer.status == 200
    assert "wrong" in answer.words
    assert "slash" in answer.words
    assert AUTH_CODE not in answer.text
    assert signature in answer.words  # what was typed is still there


def test_what_is_no_request_is_refused_beside_the_form(people: People) -> None:
    answer = people.administrator.post(PATH, {"request": "POST x\nno header", "signature": ""})
    assert 400 <= answer.status < 500
    assert "no header of a captured request" in answer.words
    masked = people.administrator.post(
        PATH, {"request": f"POST /hook HTTP/1.1\nX-VictorOps-Signature: ***\n\n{BODY}"}
    )
    assert "are masked" in masked.words
