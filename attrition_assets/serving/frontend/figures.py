"""The before-and-after pictures of a month's report, taken out of its page one by one.

Only what is an SVG inside an image is taken, with its words; no markup of the page is passed on.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from html.parser import HTMLParser

PREFIX = "data:image/svg+xml;base64,"
MOST = 12
_END = re.compile(r"<h2>All distributions")


@dataclass(frozen=True)
class Figure:
    """A picture as the source of an image, with what it says in words."""

    source: str
    alternative: str
    caption: str


def read_figures(page: str) -> list[Figure]:
    """The pictures of a report's page, in order; none if it is another page."""
    found = _END.search(page)  # Evidently's part, which is most of it, comes after ours
    reader = _Reader()
    reader.feed(page[: found.start()] if found else page)
    return reader.figures[:MOST]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.figures: list[Figure] = []
        self._inside, self._source, self._alternative = False, "", ""
        self._caption: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "figure":
            self._inside, self._source, self._alternative = True, "", ""
        elif tag == "img" and self._inside:
            given = dict(attrs)
            source = given.get("src") or ""
            self._source = source if _is_picture(source) else ""
            self._alternative = given.get("alt") or ""
        elif tag == "figcaption" and self._inside:
            self._caption = []

    def handle_data(self, data: str) -> None:
        if self._caption is not None:
            self._caption.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "figure" and self._inside:
            if self._source:
                caption = " ".join("".join(self._caption or []).split())
                self.figures.append(Figure(self._source, self._alternative, caption))
            self._inside, self._caption = False, None


def _is_picture(source: str) -> bool:
    if not source.startswith(PREFIX):
        return False
    try:
        base64.b64decode(source.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return False
    return True
