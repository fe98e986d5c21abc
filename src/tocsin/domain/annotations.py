"""Annotations: links, notes and images that a sender puts beside what it says, for whoever is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

_PREFIX = "vo_annotate."
_WEB = frozenset({"http", "https"})


class AnnotationKind(StrEnum):
    """What a field `vo_annotate.KIND.TITLE` is."""

    LINK = "u"
    NOTE = "s"
    IMAGE = "i"


_KINDS = {kind.value: kind for kind in AnnotationKind}


@dataclass(frozen=True, slots=True)
class Annotation:
    """One of them. `is_web` where `text` is an address that a browser may be led to."""

    kind: AnnotationKind
    title: str
    text: str

    @property
    def is_web(self) -> bool:
        return self.kind is not AnnotationKind.NOTE and is_web_address(self.text)


def read_annotations(fields: Mapping[str, str]) -> list[Annotation]:
    """Return the annotations among an alert's fields, in their order.

    Source: Splunk On-Call docs, "REST endpoint", annotations: `vo_annotate.u.`, `.s.` and `.i.`.
    """
    found = []
    for name, text in fields.items():
        if not name.lower().startswith(_PREFIX) or not text.strip():
            continue
        letter, _, title = name[len(_PREFIX) :].partition(".")
        kind = _KINDS.get(letter.lower())
        if kind is not None:
            found.append(Annotation(kind, title.strip() or text.strip(), text.strip()))
    return found


def is_web_address(text: str) -> bool:
    """Return whether a text is a whole http or https address.

    Anything else (`javascript:`, `data:`, `file:`, an address without a host) is only ever shown.
    """
    if not text.isprintable() or any(each.isspace() for each in text):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme.lower() in _WEB and bool(parts.hostname)
    except ValueError:
        return False
