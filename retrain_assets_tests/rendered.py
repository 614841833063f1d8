"""An HTML file as a browser takes it apart, for the tests of the pages that people read."""

from html.parser import HTMLParser

LIMIT_BYTES = 1_000_000
"""The largest page that still opens and travels well."""

NASTY = "<script>alert('x')</script>|[a](javascript:alert(1)) ![b](http://evil.example/p.png) <img src=x> $x_1$ *b* `c`"
"""What a spec or a data file may say, and a page must show as nothing but text."""


class Page(HTMLParser):
    """Collects every tag with its attributes, and the text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)
