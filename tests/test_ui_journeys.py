"""The app in a browser, from end to end: what a visitor does across pages, and what a hostile one tries."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from screenshot_app import ANSWERED, ROOT, browser_page, browser_pages, chromium, running_app, wait_for
from standin_truth import SAMPLES, TruthModel
from typer.testing import CliRunner

from footage.core.config import Settings
from footage.core.errors import StoreBusyError
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from indexer.pipeline import index
from service import reels
from service.reels import NameReelRequest
from service.session import Service
from ui.cli.main import app as command

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="needs Chromium: apt-get install chromium"),
]
STANDIN = Path(__file__).with_name("standin_app.py")
GREEN = "a green car drives from left to right"
BLUE = "a blue car drives from right to left"
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)> **b** [a](http://b.c) `c` :red[d] $x$ "
RESTS = "document.querySelector('.stApp[data-test-script-state=notRunning]')"
PRESS = f"""button => {{
    if (!{RESTS} || !button.isConnected || button.disabled) return false
    button.click()
    return true
}}"""


class HostileModel(TruthModel):
    """Captions every window with 10,000 characters that want to be markup."""

    def _caption(self, prepared, prompt):
        return f"Scene: {MARKUP}\n\nEvents:\n<0.0 - 3.0> {MARKUP}{'long ' * 2000}\n<4.0 - 6.0> {MARKUP}"


@dataclass(frozen=True)
class Served:
    """The app as it runs for these tests."""

    address: str
    db: Path
    videos: Path
    exports: Path


def serve(
    stack: ExitStack,
    folder: Path,
    *names: str,
    model: TruthModel | None = None,
    script: Path = STANDIN,
) -> Served:
    """Index copies of some samples, and run the app on them."""
    pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup")
    videos, db, exports = folder / "videos", folder / "index.lancedb", folder / "exports"
    videos.mkdir()
    for name in names:
        shutil.copy(SAMPLES / name, videos)
    index([videos], store=Store.open(db, create=True), model=model or TruthModel(), embedder=load_embedder())
    settings = {"db": db, "model": "demo", "cache_dir": folder / "cache", "export_dir": exports}
    address = stack.enter_context(running_app(script, cwd=folder, device="cpu", **settings))
    return Served(address, db, videos, exports)


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    with ExitStack() as stack:
        yield serve(stack, tmp_path_factory.mktemp("app"), "beach_dusk.mp4", "park_dusk.mp4")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Iterator[Served]:
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("hostile")
        yield serve(stack, folder, "beach_dusk.mp4", model=HostileModel())


def ask(page, question: str) -> None:
    """Type a question, and wait for its answer."""
    page.get_by_placeholder("What happens?").fill(question)
    page.keyboard.press("Enter")
    page.wait_for_function(
        "words => document.querySelector('.fx-why') && !document.querySelector('.st-key-looking')"
        " && document.querySelector('.fx-card .fx-text')?.innerText.toLowerCase().includes(words)",
        arg=question,
    )


def collect(page, number: int) -> None:
    """Press "Add to highlights" once the page has come to rest, and wait for the message."""
    press(page, "Add to highlights")
    page.get_by_text(f"Added: {number} clip").wait_for()


def press(page, name: str) -> None:
    """Press a button at a moment when the page rests: what is being drawn anew loses a click.

    The page looks and presses in one step, as it may begin to draw in between.
    """
    button, end = page.get_by_role("button", name=name), time.monotonic() + 120
    while not button.evaluate(PRESS):
        assert time.monotonic() < end, f"the page never rests with a button {name!r}"
        page.wait_for_timeout(50)


def downloaded(page, button: str) -> bytes:
    """What a button downloads; pressed again, as a visitor would, where nothing comes."""
    from playwright.sync_api import TimeoutError as NothingCame

    for seconds in (30, 30, 60):
        page.wait_for_function(RESTS)
        with suppress(NothingCame):
            with page.expect_download(timeout=1000 * seconds) as fetched:
                page.locator(button).click()
            return Path(fetched.value.path()).read_bytes()
    raise AssertionError("nothing was downloaded")


def export(page, kind: str, *, ended: str = ".fx-download") -> None:
    """Export the reel as a film, or in another of the kinds, and wait until that has ended."""
    page.wait_for_function(RESTS)
    page.locator(".st-key-export_kind").get_by_role("radio", name=kind, exact=True).click()
    press(page, f"Export {kind.lower()}")
    page.wait_for_selector(ended)


def go_to(page, name: str) -> None:
    """Turn to another page of the app."""
    page.get_by_role("link", name=name, exact=True).click()


def length_of(film: Path) -> tuple[float, float]:
    """Seconds that a film's video lasts, and of one of its frames: as decoded, not as its head says."""
    import av

    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        frame_seconds = float(1 / stream.average_rate)
        times = [frame.time for frame in container.decode(stream)]
    return times[-1] - times[0] + frame_seconds, frame_seconds


def new_reel(served: Served) -> None:
    """Make an empty reel, which the next visitor collects into: reels outlast a visit."""
    service = Service(Settings(db=served.db, model="demo"))
    reels.create_reel(service, NameReelRequest(name=reels.free_name(service, "Reel")))


def collected(served: Served) -> list[float]:
    """Seconds of each clip of the reel that was changed last."""
    service = Service(Settings(db=served.db, model="demo"))
    reel = reels.reel(service, reels.reels(service)[0].id)
    return [clip.span.duration_seconds for clip in reel.playable]


# -- The beginning ---------------------------------------------------------


def test_the_app_is_there_within_three_seconds_and_loads_no_model(served, capsys):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--port", str(port), "--db", str(served.db), "--model", "/no/such/model"]
    with browser_page("about:blank") as page:
        began = time.monotonic()
        app = subprocess.Popen(
            [sys.executable, "-m", "ui.cli", "ui", *options],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(f"http://localhost:{port}/_stcore/health", app)
            healthy = time.monotonic() - began
            page.goto(f"http://localhost:{port}")
            page.wait_for_selector(".fx-hero h1")
            seen = time.monotonic() - began
            assert page.locator(".fx-problem").count() == 0
            another = page.context.browser.new_context().new_page()  # which has kept nothing
            began = time.monotonic()
            another.goto(f"http://localhost:{port}")
            another.wait_for_selector(".fx-hero h1")
            browser = time.monotonic() - began
        finally:
            app.terminate()
            app.wait(30)
    with capsys.disabled():
        print(  # noqa: T201
            f"\nthe app answers after {healthy:.1f} s, its first page is there after {seen:.1f} s, "
            f"of which a browser takes {browser:.1f} s when the app is running"
        )
    if seen - browser >= 3 and os.getloadavg()[0] > (os.cpu_count() or 1):
        pytest.skip(f"the machine is too busy to tell ({seen:.1f} s)")
    assert seen - browser < 3


# -- From a question to files ----------------------------------------------


@pytest.mark.smoke
def test_two_answers_become_a_reel_and_then_files_of_their_own(served):
    new_reel(served)
    with browser_page(served.address) as page:
        for number, question in enumerate((GREEN, BLUE), 1):
            ask(page, question)
            collect(page, number)
        press(page, "Add to highlights")
        page.get_by_text("It is there already").wait_for()
        go_to(page, "Highlights")
        page.locator(".block").nth(1).wait_for()
        seconds = collected(served)
        assert len(seconds) == 2 and all(length > 1 for length in seconds)

        export(page, "Film")
        [film] = served.exports.rglob("*.mp4")
        lasts, frame_seconds = length_of(film)
        assert lasts == pytest.approx(sum(seconds), abs=2 * frame_seconds)
        written = {path.suffix for path in served.exports.rglob("*") if path.is_file()}
        assert {".mp4", ".otio", ".edl", ".json"} <= written
        [manifest] = served.exports.rglob("*.manifest.json")
        verified = CliRunner().invoke(command, ["verify", str(manifest), "--sources"])
        assert verified.exit_code == 0 and "no differences" in verified.stdout
        assert downloaded(page, ".fx-download") == film.read_bytes()

        page.locator(".st-key-export_panel").get_by_label("Name", exact=True).fill("one by one")
        page.keyboard.press("Enter")
        export(page, "Clips")
        page.locator(".fx-export-ready").get_by_text("one by one").wait_for()
        files = [path for path in served.exports.rglob("*.mp4") if path != film]
        assert len(files) == 2
        made = sorted(length_of(path) for path in files)
        for (lasts, frame_seconds), length in zip(made, sorted(seconds), strict=True):
            assert lasts == pytest.approx(length, abs=2 * frame_seconds)
        for manifest in served.exports.rglob("*.manifest.json"):
            assert CliRunner().invoke(command, ["verify", str(manifest)]).exit_code == 0


# -- Several at once -------------------------------------------------------


def test_two_visitors_who_ask_at_once_both_get_their_own_answers(served):
    with browser_pages(served.address, served.address) as pages:
        for page, question in zip(pages, (GREEN, BLUE), strict=True):
            page.get_by_placeholder("What happens?").fill(question)
        for page in pages:
            page.keyboard.press("Enter")
        for page, question in zip(pages, (GREEN, BLUE), strict=True):
            page.wait_for_selector(ANSWERED)
            assert question in page.locator(".fx-card .fx-text").first.inner_text().lower()
            assert page.locator(".fx-problem").count() == 0


WRITER = """
import sys
from footage.store import Store
with Store.open(sys.argv[1]).writing():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_an_index_that_is_being_written_can_be_searched(served):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(served.db)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert writer.stdout.readline() == "held\n"
        with pytest.raises(StoreBusyError), Store.open(served.db).writing():
            pass
        with browser_page(f"{served.address}/?q={quote(GREEN)}") as page:
            page.wait_for_selector(ANSWERED)
            assert page.locator(".fx-problem").count() == 0 and page.locator(".fx-found").count()
    finally:
        writer.communicate()


def test_a_video_that_went_away_is_said_when_its_highlight_is_to_be_made(tmp_path):
    with ExitStack() as stack:
        served = serve(stack, tmp_path, "beach_dusk.mp4")
        page = stack.enter_context(browser_page(served.address))
        ask(page, GREEN)
        collect(page, 1)
        (served.videos / "beach_dusk.mp4").unlink()
        go_to(page, "Highlights")
        export(page, "Film", ended=".fx-problem")
        assert "beach_dusk.mp4" in page.locator(".fx-problem").first.inner_text()
        assert "Traceback" not in page.inner_text("body")
        assert not list(served.exports.rglob("*.mp4"))


# -- Foreign text and addresses --------------------------------------------


def test_captions_that_want_to_be_markup_stay_text_from_search_to_highlights(hostile):
    with browser_page(f"{hostile.address}/?exact=false&q={quote(MARKUP)}") as page:
        page.wait_for_selector(ANSWERED)
        collect(page, 1)
        shown = page.locator(".fx-card .fx-text").first.inner_text()
        assert MARKUP.strip() in shown
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        go_to(page, "Highlights")
        title = page.locator(".clip .title")
        title.wait_for()
        assert MARKUP.strip() in title.inner_text()
        assert page.locator(".table").locator("script, strong, a, img[src=x]").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.alerts == []


@pytest.mark.parametrize(
    "path",
    [
        f"/?q={quote(MARKUP)}",
        f"/?q={quote('x' * 5000)}",
        "/?q=%00%ff%fe",
        f"/?like={quote('/etc/passwd@0:01')}",
        f"/?like={quote('<script>alert(1)</script>@9')}",
        f"/?picture={quote('/etc/passwd@0:01')}&box=nan,0,1,1",
        f"/?picture={quote(MARKUP)}@9&box={quote(MARKUP)}",
        "/?page=%3Cscript%3E&mode=nonsense&group=%3Cb%3E&budget=-5&everywhere=x&exact=x",
        "/?q=car&budget=nan&page=-1",
        "/library?video=../../etc/passwd",
        f"/library?video={quote(MARKUP)}",
        f"/review?view={quote(MARKUP)}",
        f"/highlights?name={quote(MARKUP)}",
    ],
)
def test_an_address_that_is_nonsense_gets_the_page_or_a_sentence(served, path):
    with browser_page(served.address + path) as page:
        page.wait_for_selector(
            ".fx-notice, .fx-empty, .fx-tiles, .fx-why, .fx-head, .fx-hero, .wall, .fx-reel-title"
        )
        page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
        said = page.inner_text("body")
        assert "Traceback" not in said and "unexpected" not in said and "root:" not in said
        assert page.locator("[data-testid=stException]").count() == 0
        assert page.locator(".stApp script, .stApp img[src=x]").count() == 0
        assert page.alerts == []


ABOVE = ["/..", "/%2e%2e", "/..%2f..", "/%252e%252e", "/..%5c..", "/....//", "//"]


@pytest.mark.parametrize("under", ["", "/media", "/app/static", "/component", "/static", "/_stcore"])
def test_no_address_leads_out_of_what_is_served(served, under):
    asked = urlsplit(served.address)
    secret = served.videos.parent / "secret.txt"
    secret.write_text("root:x:0:0 the secret")
    for up in ABOVE:
        for target in ("/etc/passwd", str(secret), str(served.videos / "beach_dusk.mp4")):
            connection = http.client.HTTPConnection(asked.hostname, asked.port, timeout=30)
            connection.request("GET", under + up * 8 + target)  # as it stands: nothing tidies it on the way
            answer = connection.getresponse().read()
            connection.close()
            assert b"root:x:0:0" not in answer and b"ftyp" not in answer[:64], under + up


def test_a_preview_is_reached_by_its_own_name_alone(served):
    """What a page plays is named by its content and its span, not by a place on the disk."""
    with browser_page(f"{served.address}/?q={quote(GREEN)}") as page:
        page.wait_for_selector(ANSWERED)
        source = page.locator("video").evaluate(
            "video => new Promise(done => {"
            " const look = () => video.currentSrc ? done(video.currentSrc) : requestAnimationFrame(look);"
            " look() })"
        )
    assert re.fullmatch(rf"{re.escape(served.address)}/moments/clip/\w+/\d+-\d+\.mp4\?v=\w+", source)
    assert json.dumps(str(served.videos)) not in source and os.sep + "cache" not in source
    assert ROOT.name not in source
