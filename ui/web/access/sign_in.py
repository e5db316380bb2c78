"""The pages of the gate itself: a form that asks for the token, and one that leads on to the app."""

from __future__ import annotations

from html import escape

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{head}
<title>footage</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 18vh auto 0; padding: 0 1rem }}
h1 {{ font-size: 1.4rem }}
input, button {{ font: inherit; padding: .5rem; width: 100%; box-sizing: border-box; margin-top: .5rem }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
_FORM = """<h1>Sign in</h1>
<p>{sentence}</p>
<form method="post" action="/sign-in">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="off" required autofocus>
<button>Open the app</button>
</form>"""


def form(*, wrong: bool = False) -> str:
    """A page that asks for the token.

    Args:
        wrong: Whether one was given that opens nothing.
    """
    sentence = (
        "This token is not valid. The app creates new tokens at each start."
        if wrong
        else "Open the app with the address printed by <code>footage ui</code>, or enter the token from "
        "that address."
    )
    return _PAGE.format(head="", body=_FORM.format(sentence=sentence))


def leading_to(address: str) -> str:
    """A page that leads to an address of the app, and takes its own place in the browser's history.

    A page, and no redirect: a browser that follows a link from elsewhere sends a strict cookie only with
    what a page of the app itself asks for. Neither "back" nor the list of visited pages then shows the
    token; the browser's files hold it all the same.
    """
    head = f'<meta http-equiv="refresh" content="0;url={escape(address, quote=True)}">'
    return _PAGE.format(
        head=head, body='<p><a href="' + escape(address, quote=True) + '">Open the app</a></p>'
    )
