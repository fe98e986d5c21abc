"""A page as somebody without scripts reads it: words, links, and forms with what is filled in."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"input", "br", "hr", "img", "link", "meta", "wbr"})
_UNSEEN = frozenset({"script", "style", "head", "template"})


@dataclass
class Form:
    """A form: where it goes, and what it sends unless somebody changes it."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, value and words of each that sends the form."""


@dataclass
class Reading:
    """What a page says, and where it leads."""

    title: str = ""
    words: str = ""
    links: dict[str, str] = field(default_factory=dict)
    """The address of each link, by its words."""
    forms: list[Form] = field(default_factory=list)
    headings: list[tuple[int, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Every element with its attributes, in order."""

    def form(self, action: str) -> Form:
        """Return the first form that goes to a path."""
        return next(form for form in self.forms if form.action == action)


def read_page(text: str) -> Reading:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reading = reader.reading
    reading.words = " ".join(" ".join(reader.seen).split())
    return reading


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.reading = Reading()
        self.seen: list[str] = []
        self._open: list[tuple[str, dict[str, str], int]] = []
        self._form: Form | None = None
        self._select: tuple[str, list[tuple[str, bool]]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.reading.tags.append((tag, given))
        if "id" in given:
            self.reading.ids.append(given["id"])
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.reading.forms.append(self._form)
        if tag == "select":
            self._select = given.get("name", ""), []
        if tag == "option" and self._select is not None:
            self._select[1].append((given.get("value", ""), "selected" in given))
        if tag == "input" and self._form is not None:
            self._input(given)
        if tag not in _VOID:
            self._open.append((tag, given, len(self.seen)))

    def _input(self, given: dict[str, str]) -> None:
        assert self._form is not None
        kind = given.get("type", "text")
        if kind in ("checkbox", "radio") and "checked" not in given:
            return
        if kind in ("submit", "button", "reset") or "name" not in given:
            return
        self._form.fields.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            name, given, since = self._open.pop()
            self._ended(name, given, " ".join("".join(self.seen[since:]).split()))
            if name == tag:
                return

    def _ended(self, tag: str, given: dict[str, str], words: str) -> None:
        if tag == "a" and "href" in given:
            self.reading.links[words or given.get("aria-label", "")] = given["href"]
        elif tag == "button" and self._form is not None and given.get("type") != "button":
            self._form.buttons.append((given.get("name", ""), given.get("value", ""), words))
        elif tag == "form":
            self._form = None
        elif tag == "textarea" and self._form is not None:
            self._form.fields.append((given.get("name", ""), words))
        elif tag == "select" and self._select is not None:
            self._chosen()
        elif len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.reading.headings.append((int(tag[1]), words))

    def _chosen(self) -> None:
        assert self._select is not None
        name, options = self._select
        self._select = None
        if self._form is not None and options:
            chosen = next((value for value, is_on in options if is_on), options[0][0])
            self._form.fields.append((name, chosen))

    def handle_data(self, data: str) -> None:
        if any(tag == "title" for tag, _, _ in self._open) and not self.reading.title:
            self.reading.title = data
        if not any(tag in _UNSEEN for tag, _, _ in self._open):
            self.seen.append(data)
