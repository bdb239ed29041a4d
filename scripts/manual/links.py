"""Check the links of the built manual: every page, picture and anchor that it points to is there; nothing is loaded.

python scripts/manual/links.py site

A link to elsewhere is only looked at for its form. What a page *loads* (scripts, styles, pictures) must come with it,
so that the manual can be read without a network.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_LOADED: Final = {"script": "src", "img": "src", "link": "href", "source": "src", "iframe": "src"}
_NOT_LOADED: Final = {"canonical", "next", "prev", "edit"}


class Page(HTMLParser):
    """The anchors and links of a page.

    Attributes:
        anchors: What can be pointed to.
        links: Where it points to.
        loaded: What it loads.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors, self.links, self.loaded = {""}, list[str](), list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember what the tag says."""
        given = {name: value or "" for name, value in attrs}
        self.anchors.update(given[name] for name in ("id", "name") if name in given)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag in _LOADED and _LOADED[tag] in given and given.get("rel") not in _NOT_LOADED:
            self.loaded.append(given[_LOADED[tag]])


def faults(site: Path) -> Iterator[str]:
    """A line for each link that leads nowhere, and for each thing that would be loaded from elsewhere."""
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        if path.name == "404.html":  # its links are meant for a server's root
            continue
        for url in dict.fromkeys(page.links + page.loaded):
            fault = _fault(url, path, pages, is_loaded=url in page.loaded)
            if fault is not None:
                yield f"{path.relative_to(site)}: {url}: {fault}"


def _fault(url: str, path: Path, pages: dict[Path, Page], is_loaded: bool) -> str | None:
    """What is wrong with a link, if anything."""
    parts = urlsplit(url)
    if parts.scheme == "data":
        return None
    if parts.scheme or parts.netloc:
        if is_loaded:
            return "it would be loaded from elsewhere"
        return None if parts.scheme in ("https", "mailto") and (parts.netloc or parts.path) else "its form is wrong"
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return "there is no such file"
    anchor = unquote(parts.fragment)
    known = next((page for place, page in pages.items() if place.resolve() == target), None)
    if anchor and known is not None and anchor not in known.anchors:
        return "there is no such anchor"
    return None


def main() -> int:
    """Print the faults; returns the exit code."""
    site = Path(sys.argv[1])
    found = list(faults(site))
    print("\n".join(found) or f"{site}: every link leads somewhere", file=sys.stderr if found else sys.stdout)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
