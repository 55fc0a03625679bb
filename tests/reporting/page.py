"""A page as a browser would take it apart."""

import re
from html.parser import HTMLParser


class Seen(HTMLParser):
    """Elements, attributes and text of a page; `open` are the elements that were never closed."""

    _VOID = ("meta", "br", "img", "link", "input", "hr")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.pieces: list[str] = []
        self.feed(page)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.pieces))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self._VOID and not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.pieces.append(data)


def harmless(seen: Seen) -> None:
    """Well-formed, without scripts, handlers, forms, frames or anything that is loaded from
    elsewhere; links are to the web, to files, or to Evidently's page beside it.
    """
    assert seen.open == []
    for tag, attributes in seen.tags:
        assert tag not in ("script", "iframe", "object", "embed", "form", "link", "img", "base", "image", "use", "foreignobject"), tag
        for name, value in attributes.items():
            if (tag, name) == ("a", "href"):
                assert attributes["rel"] == "noreferrer"
                assert (value or "").startswith(("https://", "http://", "file://")) or value == "evidently.html", value
                continue
            assert not name.startswith("on"), (tag, name)
            assert name not in ("href", "src", "xlink:href", "action", "srcset"), (tag, name)
            assert "://" not in (value or "") or name in ("aria-label", "content"), (tag, name, value)
            assert "javascript:" not in (value or "").lower()
