"""The one place where a text of people or data is made harmless before anybody sees it.

A name, a category, a reason may hold anything: line breaks that forge a second line, escape sequences that steer a
terminal, marks that turn the direction of reading, markup that fetches a picture. `plain` makes one line of it in which
every sign shows; pages, terminal, alerts and journal all put texts through it, Markdown besides through `page.text`.
"""

from __future__ import annotations


def plain(value: object) -> str:
    r"""A value as one line: white space is a blank, and what has no shape of its own is written out.

    >>> print(plain("late\nrides \x1b[31m \u202egpj.exe"))
    late rides \x1b[31m \u202egpj.exe
    """
    said = str(value)
    if said.isprintable():
        return said
    return "".join(sign if sign.isprintable() else " " if sign.isspace() else written_out(sign) for sign in said)


def plain_lines(text: str) -> str:
    r"""Lines that we put below one another ourselves, each of them plain.

    >>> print(plain_lines("v1 is live\n  since \x07May"))
    v1 is live
      since \x07May
    """
    return "\n".join(map(plain, text.split("\n")))


def written_out(sign: str) -> str:
    r"""A sign by its number, as Python and YAML write it.

    >>> print(written_out("\u202e"))
    \u202e
    """
    return sign.encode("unicode_escape").decode()
