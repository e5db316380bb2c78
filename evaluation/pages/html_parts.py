"""Makes HTML out of texts: elements with everything escaped, and the policy of a page without scripts."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from footage.core.plain_text import evened

STYLE = Path(__file__).with_name("page.css")
"""The style of all pages."""


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def escaped(text: object) -> Html:
    """Any text as HTML: escaped, without control characters and marks that turn the direction of writing."""
    if isinstance(text, Html):
        return text
    written = str(text)
    before, after = (" " * part.isspace() for part in (written[:1], written[-1:]))
    return Html(html.escape(f"{before}{evened(written)}{after}" if written.strip() else before, quote=True))


def joined(*parts: object) -> Html:
    """Parts one after the other, texts among them escaped."""
    return Html("".join(escaped(part) for part in parts))


def element(tag: str, *parts: object, **attributes: object) -> Html:
    """An element; ``class_`` is the attribute class, an attribute that is None or False is left out."""
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    written = "".join(
        f" {name}" if value is True else f' {name}="{escaped(value)}"'
        for name, value in named.items()
        if value is not None and value is not False
    )
    if tag in ("img", "input", "meta", "rect", "line"):
        return Html(f"<{tag}{written}>" if tag in ("img", "input", "meta") else f"<{tag}{written}/>")
    return Html(f"<{tag}{written}>{joined(*parts)}</{tag}>")


def interval_bar(low: float, value: float, high: float, label: str) -> Html:
    """A share and its interval, each 0 to 1, on a scale from 0 to 1; ``label`` is read aloud."""
    left, right, middle = (1000 * max(0.0, min(each, 1.0)) for each in (low, high, value))
    width = f"{max(right - left, 2):.1f}"
    return element(
        "svg",
        element("rect", class_="track", x=0, y=6, width=1000, height=4, rx=2),
        element("rect", class_="range", x=f"{left:.1f}", y=3, width=width, height=10, rx=3),
        element("rect", class_="value", x=f"{min(middle, 994):.1f}", y=1, width=6, height=14, rx=2),
        class_="bar",
        viewBox="0 0 1000 16",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def table(
    heads: Sequence[object], rows: Iterable[Sequence[object]], *, numbers: Collection[int] = ()
) -> Html:
    """A table in a panel; the first cell of each row names it.

    Args:
        heads: Heads of the columns.
        rows: Their cells.
        numbers: Places of the columns with numbers, from 0.
    """
    style = ["number" if place in numbers else None for place in range(len(heads))]
    head = [
        element("th", each, scope="col", class_=class_) for each, class_ in zip(heads, style, strict=True)
    ]
    lines = [
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell, class_=class_) for cell, class_ in zip(row[1:], style[1:], strict=True)),
        )
        for row in rows
    ]
    inside = joined(element("thead", element("tr", *head)), element("tbody", *lines))
    return element("div", element("table", inside), class_="panel")


def document(title: str, *body: object, rules: str = "") -> str:
    """A whole page with its style inside. It loads nothing, runs nothing and sends nothing.

    The policy allows embedded pictures and the one style, by its hash.

    Args:
        title: Title of the page.
        body: What it shows.
        rules: Rules of style for this page alone.
    """
    style = STYLE.read_text("utf-8") + rules
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        Html(f"<style>{style}</style>"),
    )
    return f'<!doctype html>\n<html lang="en">{head}{element("body", *body)}</html>\n'
