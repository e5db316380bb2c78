"""Makes HTML out of texts: elements with everything escaped, and the policy of a page without scripts."""

from __future__ import annotations

import base64
import hashlib
import html

from footage.core.plain_text import evened


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


def document(title: str, style: str, *body: object) -> str:
    """A whole page with its style inside. It loads nothing, runs nothing and sends nothing.

    The policy allows embedded pictures and the one style, by its hash.
    """
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
