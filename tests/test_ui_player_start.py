"""A press on a card plays its moment before the page is drawn again; the waveform lies above the lanes."""

from __future__ import annotations

import base64
import json
import re
from contextlib import ExitStack

import pytest
from screenshot_app import browser_page, chromium
from test_ui_journeys import GREEN, ask, serve

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
]
PRESSED = """() => {
    const video = () => [...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
        .map(each => each.shadowRoot?.querySelector('video')).find(Boolean)
    const before = video().poster
    document.querySelector('.st-key-play_1').click()
    return [before, video().poster]
}"""


def test_a_card_plays_at_a_press_and_goes_on_when_the_page_follows(tmp_path):
    with ExitStack() as stack:
        served = serve(stack, tmp_path, "beach_dusk.mp4", "park_dusk.mp4")
        page = stack.enter_context(browser_page(served.address, width=1440, height=900))
        peaks = base64.b64encode(bytes([200] * 200 + [0] * 200)).decode()
        answer = json.dumps({"parts": 1, "part_seconds": 600, "per_second": 20, "peaks": peaks})
        page.route("**/moments/waveform/**", lambda route: route.fulfill(body=answer))
        ask(page, GREEN)
        video = page.locator("video")
        page.wait_for_function(
            "document.querySelector('.stApp[data-test-script-state=notRunning]')",
        )
        before, after = page.evaluate(PRESSED)  # in one step: the server cannot have answered yet
        assert before != after and "/moments/picture/" in after
        page.wait_for_selector(".fx-card.fx-now .st-key-play_1")
        video.evaluate(
            "video => { video.loads = 0; video.addEventListener('loadstart', () => video.loads++) }"
        )
        for _ in range(400):
            if video.evaluate("video => video.currentTime > 0.3 && !video.seeking"):
                break
            page.wait_for_timeout(50)
        assert video.evaluate("video => video.currentTime > 0.3")
        assert re.match(r"blob:|.*/moments/clip/", video.evaluate("video => video.currentSrc"))
        page.wait_for_selector(".wave:not([hidden])", state="attached")
        assert page.locator(".names .sound").inner_text() == "Sound"
        drawn = """canvas => {
            const {width, height} = canvas, half = Math.floor(height / 4)
            const row = canvas.getContext('2d').getImageData(0, half, width, 1).data
            return Array.from({length: width}, (_, x) => row[4 * x + 3] > 0).filter(Boolean).length / width
        }"""
        page.wait_for_timeout(100)
        share = page.locator(".wave").evaluate(drawn)
        assert 0.1 < share < 0.95  # loud for the first ten seconds alone
