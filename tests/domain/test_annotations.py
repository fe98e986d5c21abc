"""Links, notes and images that a sender puts beside what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.annotations import Annotation, AnnotationKind, is_web_address, read_annotations


def test_each_kind_is_read_in_the_order_of_the_fields() -> None:
    """Whatever the case of the prefix; what is empty or of no kind is none."""
    fields = {
        "entity_id": "disk",
        "vo_annotate.u.Runbook": "https://wiki.example/disk",
        "VO_ANNOTATE.S.Note.of.Ana": " call first ",
        "vo_annotate.i.": "http://graph.example/1.png",
        "vo_annotate.x.Other": "https://wiki.example",
        "vo_annotate.s.Empty": " ",
    }
    assert read_annotations(fields) == [
        Annotation(AnnotationKind.LINK, "Runbook", "https://wiki.example/disk"),
        Annotation(AnnotationKind.NOTE, "Note.of.Ana", "call first"),
        Annotation(
            AnnotationKind.IMAGE, "http://graph.example/1.png", "http://graph.example/1.png"
        ),
    ]


@pytest.mark.parametrize(
    "text", ["https://wiki.example", "HTTP://wiki.example:8080/a?b#c", "http://[::1]/x"]
)
def test_a_web_address_may_be_followed(text: str) -> None:
    """http and https, with a host."""
    assert is_web_address(text)
    assert Annotation(AnnotationKind.LINK, "t", text).is_web


@pytest.mark.parametrize(
    "text",
    [
        *("javascript:alert(1)", "JaVaScRiPt://wiki.example/%0aalert(1)", "data:text/html,x"),
        *(
            "file:///etc/passwd",
            "//wiki.example",
            "/incidents",
            "https:",
            "https:///x",
            "mailto:a@b",
        ),
        *(
            "https://wiki.example/\nx",
            "java\tscript:alert(1)",
            " https://wiki.example",
            "https://[x",
        ),
        *("vbscript:x", "https://\u202ewiki.example", ""),
    ],
)
def test_anything_else_is_only_shown(text: str) -> None:
    """A browser is never led there, nor to what looks like another address than it is."""
    assert not is_web_address(text)
    assert not Annotation(AnnotationKind.NOTE, "t", "https://wiki.example").is_web


@given(st.text())
def test_what_is_followed_begins_as_a_web_address_does(text: str) -> None:
    """Whatever a sender writes."""
    assert not is_web_address(text) or text.lower().startswith(("http://", "https://"))
