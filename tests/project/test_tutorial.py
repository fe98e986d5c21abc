"""The tutorial of the pages speaks of buttons and links that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "pages.md"
SOURCE = ROOT / "src" / "tocsin"


def test_what_the_tutorial_tells_to_press_is_on_a_page() -> None:
    """Every word in bold is written by the pages as it is."""
    told = set(re.findall(r"\*\*([^*]+)\*\*", TUTORIAL.read_text(encoding="utf-8")))
    sources = [*SOURCE.glob("web/templates/*.html"), *SOURCE.rglob("*.py")]
    pages = "\n".join(each.read_text(encoding="utf-8") for each in sources)
    missing = [each for each in told if not re.search(rf'[>"}}]{re.escape(each)}[<"{{]', pages)]
    assert told
    assert missing == []
