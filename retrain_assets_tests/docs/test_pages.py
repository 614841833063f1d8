"""The documentation: each page says whom it is for, and every link leads somewhere."""

import re
from pathlib import Path

HERE = Path(__file__).parents[2]
PAGES = sorted((HERE / "docs").glob("*.md"))
LINKED = [HERE / "README.md", HERE / "ARCHITECTURE.md", *PAGES]
SCREEN_LINES = 60


def anchors(path: Path) -> set[str]:
    """What a link may name behind `#`: each heading, as Git hosts write it."""
    headings = re.findall(r"(?m)^#+ (.*)$", path.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def lost_links(path: Path) -> list[str]:
    """The links of a page that lead to no file, or to no heading of it."""
    text = re.sub(r"(?s)```.*?```", "", path.read_text())
    lost = []
    for address in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, anchor = address.partition("#")
        if "://" in address:
            continue
        found = (path.parent / name).resolve() if name else path
        if not found.exists() or (anchor and anchor not in anchors(found)):
            lost.append(f"{path.name}: {address}")
    return lost


def test_every_page_opens_with_whom_it_is_for():
    assert PAGES
    for path in PAGES:
        title, opening = path.read_text().split("\n\n")[:2]
        assert title.startswith("# "), path.name
        assert opening.startswith("For "), f"{path.name}: {opening}"


def test_every_link_leads_to_a_file_and_a_heading_of_it():
    assert [lost for path in LINKED for lost in lost_links(path)] == []


def test_every_page_is_reached_from_the_readme():
    text = (HERE / "README.md").read_text()
    assert [page.name for page in PAGES if f"docs/{page.name}" not in text] == []


def test_the_readme_is_one_screen():
    assert len((HERE / "README.md").read_text().splitlines()) <= SCREEN_LINES
