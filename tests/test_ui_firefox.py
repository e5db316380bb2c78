"""The app in Firefox: a search is answered, its moment plays, and keys move the points."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from firefox import Firefox, firefox, firefox_page
from test_ui_journeys import GREEN, Served, serve

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(firefox() is None, reason="needs Firefox: apt-get install firefox-esr"),
]
STAGE = (
    "[...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]"
    ".map(each => each.shadowRoot).find(root => root?.querySelector('video'))"
)
VIDEO = f"{STAGE}?.querySelector('video')"
RESTS = "document.querySelector('.stApp[data-test-script-state=notRunning]')"
LISTENS = """() => {
    window.refused = []
    document.addEventListener('securitypolicyviolation', event => refused.push(
        [event.violatedDirective, event.blockedURI, event.sourceFile, event.lineNumber].join(' ')))
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    with ExitStack() as stack:
        yield serve(stack, tmp_path_factory.mktemp("app"), "beach_dusk.mp4", "park_dusk.mp4")


def clock(window: Firefox, point: str) -> str:
    """Where the in or the out point is."""
    return window.evaluate(f"{STAGE}.querySelector('[data-point={point}] .clock').innerText")


def test_a_search_plays_and_keys_move_its_points(served):
    with firefox_page(served.address) as window:
        window.before_each_page(LISTENS)
        window.goto(f"{served.address}/?exact=false")
        box = "document.querySelector('input[placeholder*=\"What happens?\"]')"
        window.wait_for(f"{box} && {RESTS}")
        window.evaluate(f"{box}.focus()")
        window.press(*GREEN, "Enter")
        window.wait_for("document.querySelector('.fx-card .fx-text')")
        window.wait_for(f"{VIDEO}?.readyState >= 2 && {RESTS}")
        window.evaluate("document.activeElement.blur()")

        window.press("k")
        window.wait_for(f"{VIDEO}.paused && !{VIDEO}.seeking")
        before = window.evaluate(f"{VIDEO}.currentTime")
        window.press(" ")
        window.wait_for(f"{VIDEO}.currentTime != {before} && !{VIDEO}.error")
        window.press("k")
        window.wait_for(f"{VIDEO}.paused && !{VIDEO}.seeking")

        for key, point in (("i", "in"), ("o", "out")):
            window.press("ArrowRight", "ArrowRight", "ArrowRight", key)
            shown = window.evaluate(f"{STAGE}.querySelector('.now').innerText").split(" / ")[0]
            assert clock(window, point) == shown

        window.press("?")
        window.wait_for("document.querySelector('.fx-keys')?.shadowRoot.querySelector('dialog[open]')")
        # Streamlit's own frontend tries WebAssembly, which the policy stops, and goes on without it.
        assert window.evaluate("refused.filter(each => !each.includes(' wasm-eval ')).join()") == ""
