"""A request as a command for a terminal."""

import shlex

from tocsin.domain.curl_command import curl_command

URL = "https://pager.example/a//%2F/[1-3]/../x?q='\"$HOME`id`;{a,b}"


def test_the_words_of_the_command_are_the_request() -> None:
    """Whatever is in them: the shell takes nothing apart, and curl expands no URL."""
    body = "incident=31&state_message=%22it's%22"
    headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("X-VictorOps-Signature", None),
        ("Content-Length", "12"),
        ("Connection", "keep-alive"),
        ("Host", "pager.example"),
        ("webhook-id", "dlv_31"),
    ]
    command = curl_command(URL, headers, body)
    assert shlex.split(command.replace("\\\n", "")) == [
        *("curl", "--globoff", "--path-as-is", "--request", "POST"),
        *("--header", "Content-Type: application/x-www-form-urlencoded"),
        *("--header", "X-VictorOps-Signature: ***"),
        *("--header", "webhook-id: dlv_31"),
        *("--data-binary", body),
        *("--url", URL),
    ]
