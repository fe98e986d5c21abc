"""Fields of webhooks that are lists, as a request gives them."""

from typing import Annotated

from pydantic import Field

from tocsin.domain.follow_up import FollowUp
from tocsin.domain.one_time_link import LinkAction

# Strict would take no text for an enumeration's member.
GivenLinks = Annotated[
    list[Annotated[LinkAction, Field(strict=False)]],
    Field(
        max_length=8,
        description="What a page has one-time links for: fields `ack_url` and `resolve_url`. "
        "Refused with `links_without_public_url` unless TOCSIN_PUBLIC_URL is set",
    ),
]
GivenFollowUps = Annotated[
    list[Annotated[FollowUp, Field(strict=False)]],
    Field(
        max_length=8,
        description="What it is told when an incident changes that it was paged for: a delivery of the "
        "same form, its `message_type` ACKNOWLEDGEMENT, RECOVERY or CRITICAL",
    ),
]
