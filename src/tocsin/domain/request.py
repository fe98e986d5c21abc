"""The head of a webhook's request: VictorOps' seven headers in its order and spelling, then ours."""

from tocsin.domain.webhook_url import UrlParts

USER_AGENT = "AHC/1.0"
"""What VictorOps' own client says; some receivers look for it."""


def request_head(
    url: UrlParts,
    *,
    signature: str,
    length: int,
    standard: tuple[str, str, str] | None,
    user_agent: str = USER_AGENT,
) -> bytes:
    """Return the request line and the headers, up to and with the empty line.

    `standard` is webhook-id, webhook-timestamp and webhook-signature, or None to leave them out.
    Units: `length` is the body's, in bytes.
    Source: a captured request; the first seven stand as they do there.
    """
    head = (
        f"POST {url.target} HTTP/1.1\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"X-VictorOps-Signature: {signature}\r\n"
        f"Content-Length: {length}\r\n"
        "Connection: keep-alive\r\n"
        f"Host: {url.host_header}\r\n"
        "Accept: */*\r\n"
        f"User-Agent: {user_agent}\r\n"
    )
    if standard is not None:
        id_, timestamp, standard_signature = standard
        head += (
            f"webhook-id: {id_}\r\n"
            f"webhook-timestamp: {timestamp}\r\n"
            f"webhook-signature: {standard_signature}\r\n"
        )
    return (head + "\r\n").encode("ascii")
