"""Takes pictures of every page and state of the app, at several sizes and in both themes, for looking at.

    python tests/gallery_app.py --out pictures
    python tests/gallery_app.py --out pictures --pages search cameras --sizes 390 --themes dark

It works on copies of the demo's indexes (`make demo`) and on small ones of its own. What cannot be made here
is named and left out. With --axe, each state is held against axe's rules, too.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlencode

from screenshot_app import QUIET, ROOT, WORDS, browser_page, running_app, wait_until
from test_ui_gate import running

SIZES = {390: 844, 1440: 900, 1920: 1080}
GREEN = "a green person walks from right to left"
CAR = "a green car drives from left to right"
LOOKED = ".stApp:not(:has(.st-key-looking)) .fx-why"
FOUR = {
    "gate_cam1.mp4": "gate_2026-03-01_12-00-00.mp4",
    "gate_cam2.mp4": "yard_2026-03-01_12-00-05.mp4",
    "street_dusk.mp4": "street_2026-03-01_12-00-10.mp4",
    "park_dusk.mp4": "park_2026-03-01_12-00-15.mp4",
}
"""Samples, and the files of four cameras on one day; the first two are a set of their own."""
HASTY = {"search-checking", "indexing", "export-running", "cameras", "cameras-playing"}
"""States that pass, or in which something is always on its way."""
State = Iterator[str]


# -- 1. Indexes ------------------------------------------------------------


def footage(*command: object, db: Path) -> None:
    """Run a command of footage on an index, quietly."""
    line = [sys.executable, "-m", "ui.cli", *map(str, command), "--db", str(db)]
    subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def demo_index(demo: Path, folder: Path) -> Path:
    """A copy of the demo's index with a saved search and an alert; indexing pictures would take minutes."""
    from footage.store import Store

    copy = folder / "demo.lancedb"
    shutil.copytree(demo, copy)
    if Store.open(copy).annotations.searches.saved():
        return copy  # of an index that has them
    footage("save", "Green cars", CAR, db=copy)
    footage("review", "Green cars", db=copy)
    footage("alerts", "add", "Red cars", "--query", "a red car", db=copy)
    return copy


def has_pictures(db: Path) -> bool:
    """Whether an index can be searched by picture."""
    from footage.store import Store

    return bool(Store.open(db).images.embedders())


def cameras_index(folder: Path, names: dict[str, str], *, offset: str = "{camera}_*") -> Path:
    """An index of copies of samples without clocks of their own, and one file that is no video."""
    import os
    from datetime import UTC

    import av
    from standin_truth import TruthModel

    from footage.embed.text_embedder import load_embedder
    from footage.store import Store
    from indexer.pipeline import index
    from indexer.timestamps import Clocks

    folder.mkdir()
    for sample, name in names.items():
        source_path = ROOT / "data" / "footage" / sample
        with av.open(str(source_path)) as source, av.open(str(folder / name), "w") as target:
            stream = source.streams.video[0]
            copy = target.add_stream_from_template(stream)
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    target.mux(packet)
    (folder / "broken.mp4").write_text("no video at all")
    os.utime(folder / "broken.mp4", (1e9, 1e9))
    store = Store.open(folder.with_suffix(".lancedb"), create=True)
    clocks = Clocks(UTC, offset)
    index([folder], store=store, model=TruthModel(), embedder=load_embedder(), clocks=clocks)
    return folder.with_suffix(".lancedb")


# -- 2. States -------------------------------------------------------------
# Each function brings a page into one state after another, and names each.


def first(page, address: str) -> State:
    page.goto(address)
    page.wait_for_selector(".fx-tiles")
    yield "first"


def search(page, address: str) -> State:
    page.goto(f"{address}/?{urlencode({'q': CAR})}")
    page.wait_for_selector(".st-key-looking, .fx-why", state="attached")  # a quick check may be over
    page.wait_for_selector(".fx-card")
    yield "search-checking"
    page.wait_for_selector(LOOKED, state="attached")
    yield "search-done"
    page.mouse.click(page.viewport_size["width"] - 6, page.viewport_size["height"] - 60)
    yield "search-background-pressed"
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 900)")
    yield "search-scrolled"
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
    page.keyboard.press("?")
    page.wait_for_timeout(600)
    yield "keys-sheet"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Options").click()
    page.get_by_text("Rank by").wait_for()
    yield "options"


def not_found(page, address: str) -> State:
    page.goto(f"{address}/?{urlencode({'q': 'someone plays the piano'})}")
    page.wait_for_selector(".fx-empty, .fx-notice")
    yield "not-found"
    page.goto(f"{address}/?{urlencode({'q': 'a green car camra:gate'})}")
    page.wait_for_selector(".st-key-did_you_mean", timeout=20_000)
    yield "misspelt"


def filters(page, address: str) -> State:
    page.goto(address)
    page.wait_for_selector(".fx-tiles")
    page.get_by_role("button", name="Add a filter").first.click()
    page.wait_for_timeout(800)
    yield "filters"
    page.keyboard.press("Escape")


def picture(page, address: str) -> State:
    named = "data/footage/beach_dusk.mp4"
    if not page.pictures:
        raise LookupError("the index has no pictures: footage index FOLDER --tracks image")
    page.goto(f"{address}/?{urlencode({'picture': f'{named}@0:12.5', 'box': '0.34,0.48,0.68,0.78'})}")
    page.wait_for_selector(LOOKED, state="attached")
    yield "by-picture"


def words(page, address: str) -> State:
    page.goto(f"{address}/?{urlencode({'q': WORDS})}")
    page.wait_for_selector(".fx-quote", timeout=30_000)
    yield "search-words"
    page.goto(f"{address}/library")
    page.locator("a.fx-lib-tile").first.click()
    page.get_by_role("tab", name="Transcript").click()
    yield "video-transcript"


def highlights(page, address: str) -> State:
    page.goto(f"{address}/highlights")
    page.wait_for_selector(".fx-film, .fx-reel-title")
    if page.locator(".fx-film").count():
        yield "highlights-empty"
        page.get_by_label("What should be in it").fill("a car drives")
        page.get_by_role("button", name="Build", exact=True).click()
        page.wait_for_selector(".fx-built", timeout=200_000)
    yield "highlights-reel"
    button = page.locator(".st-key-export_place .stButton button").last
    button.scroll_into_view_if_needed()
    yield "export"
    button.click()
    page.wait_for_timeout(300)
    yield "export-running"
    page.get_by_text("Download").first.wait_for(timeout=60_000)
    yield "export-done"


def review(page, address: str) -> State:
    page.goto(f"{address}/review?view=queue")
    page.wait_for_selector(".fx-card, .fx-empty")
    yield "queue"
    page.keyboard.press("q")
    page.wait_for_timeout(900)
    yield "queue-selection"
    page.goto(f"{address}/review?view=captions")
    page.wait_for_timeout(1500)
    yield "captions"
    page.goto(f"{address}/review?view=alerts")
    page.wait_for_timeout(1500)
    yield "alerts"


def nothing_to_review(page, address: str) -> State:
    for view in ("queue", "captions", "alerts", "cameras"):
        page.goto(f"{address}/review?view={view}")
        page.wait_for_timeout(1500)
        yield f"{view}-empty"


def library(page, address: str) -> State:
    page.goto(f"{address}/library")
    page.wait_for_selector("a.fx-lib-tile")
    yield "library-grid"
    page.get_by_text("List", exact=True).click()
    page.wait_for_selector(".fx-lib-row")
    yield "library-list"
    page.locator("a.fx-lib-row").first.click()
    page.wait_for_selector(".fx-card")
    yield "video"
    page.get_by_role("tab", name="Corrections").click()
    page.wait_for_timeout(900)
    yield "video-corrections"
    page.get_by_role("tab", name="What happens").click()
    page.locator("[class*=st-key-card_] button").first.click(timeout=8_000)
    page.get_by_text("Correct this event").scroll_into_view_if_needed(timeout=8_000)
    page.wait_for_timeout(1200)
    yield "video-correction"


def failures(page, address: str) -> State:
    page.goto(f"{address}/library")
    page.wait_for_selector("a.fx-lib-tile")
    yield "library-failures"


def cameras(page, address: str) -> State:
    page.goto(f"{address}/review?view=cameras")
    page.wait_for_selector(".wall .tile img")
    yield "cameras"
    page.locator(".wall .play").click()
    page.wait_for_timeout(2000)
    yield "cameras-playing"


def empty(page, address: str) -> State:
    page.goto(address)
    page.get_by_role("button", name="Try the sample clips").wait_for()
    yield "empty-index"
    page.get_by_role("button", name="Try the sample clips").click()
    page.wait_for_timeout(6000)
    yield "indexing"


def damaged(page, address: str) -> State:
    page.goto(address)
    page.wait_for_timeout(2500)
    yield "damaged-index"


def visitor(page, address: str) -> State:
    page.wait_for_selector(".fx-tiles")  # signed in
    page.goto(f"{address}/?{urlencode({'q': CAR})}")
    page.wait_for_selector(LOOKED, state="attached")
    yield "visitor-search"
    for name in ("review", "library", "highlights"):
        page.goto(f"{address}/{name}")
        page.wait_for_timeout(1500)
        yield f"visitor-{name}"


GROUPS: dict[str, tuple[Callable[..., State], ...]] = {
    "demo": (highlights, review, library, filters, not_found, first, search, picture),
    "words": (words,),
    "unclocked": (nothing_to_review,),
    "two": (cameras,),
    "four": (cameras, failures),
    "nothing": (empty,),
    "damaged": (damaged,),
    "visitor": (visitor,),
}
"""Index of each state; "two" and "four" are numbers of cameras."""


# -- 3. Pictures -----------------------------------------------------------


def made(name: str, demo: Path, folder: Path) -> Path:
    """The index of a group."""
    match name:
        case "demo":
            return demo_index(demo, folder)
        case "visitor":  # who may view alone
            (folder / name).mkdir()
            return demo_index(demo, folder / name)
        case "words":
            return Path(shutil.copytree(demo.with_name("words.lancedb"), folder / "words.lancedb"))
        case "unclocked":
            return cameras_index(
                folder / "unclocked", {"beach_dusk.mp4": "one.mp4", "park_dusk.mp4": "two.mp4"}
            )
        case "two":
            return cameras_index(folder / "two", dict(list(FOUR.items())[:2]))
        case "four":
            db = cameras_index(folder / "four", FOUR)
            (folder / "four" / FOUR["park_dusk.mp4"]).unlink()  # a source that is gone
            return db
        case "damaged":
            db = Path(shutil.copytree(demo, folder / "damaged.lancedb"))
            for file in db.rglob("*.manifest"):
                file.write_bytes(b"damaged")
            return db
    return folder / "nothing.lancedb"


def quick_app(folder: Path) -> Path:
    """The app's script with a model that answers at once, beside the app's theme."""
    script = folder / "quick" / "app.py"
    if not script.exists():
        shutil.copytree(ROOT / "ui" / "web" / ".streamlit", script.parent / ".streamlit")
        shutil.copy(ROOT / "tests" / "standin_app.py", script)
    return script


def take(group: str, db: Path, given: argparse.Namespace, folder: Path) -> None:
    """Take the pictures of a group of states."""
    wanted = [each for each in GROUPS[group] if not given.pages or each.__name__ in given.pages]
    settings = {"db": db, "model": "demo", "cache_dir": folder / "cache", "export_dir": folder / "exports"}
    app = ROOT / "ui" / "web" / "app.py" if group == "nothing" else quick_app(folder)
    with ExitStack() as stack:
        if group == "visitor":
            gated = stack.enter_context(running(folder / group, "--token", db=db))
            address, entry = gated.address, f"{gated.address}/?token={gated.token('view')}"
        else:
            address = stack.enter_context(running_app(app, cwd=given.db.parents[1], device="cpu", **settings))
            entry = address
        for size in given.sizes:
            for theme in given.themes:
                with browser_page(entry, width=size, height=SIZES[size], colors=theme) as page:
                    page.set_default_timeout(60_000)
                    page.pictures = bool(db.exists() and group == "demo" and has_pictures(db))
                    for states in wanted:
                        shoot(states, group, page, address, given, f"{size}-{theme}")


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


def shoot(
    states: Callable[..., State], group: str, page, address: str, given: argparse.Namespace, look: str
) -> None:
    """Take the pictures of one page; the first state that cannot be reached ends it."""
    start, name = time.monotonic(), states.__name__
    try:
        for name in states(page, address):
            if name not in HASTY:
                with suppress(TimeoutError):
                    wait_until(page, QUIET, seconds=6)
                page.wait_for_timeout(500)
            label = f"{name}-{group}" if group in ("two", "four") and name.startswith("cam") else name
            page.screenshot(path=given.out / f"{label}-{look}.png", full_page=False)
            if given.axe:
                check(page, f"{label} {look}")
    except Exception as error:
        say(f"skipped after {name} ({look}): {str(error)[:300]}")
        page.screenshot(path=given.out / f"SKIPPED-{name}-{look}.png")
    say(f"{states.__name__} {look}: {time.monotonic() - start:.0f} s")


def check(page, where: str) -> None:
    """Print each grave violation of axe's rules."""
    from axe_playwright_python.sync_playwright import Axe

    for rule in Axe().run(page).response["violations"]:
        for node in rule["nodes"] if rule["impact"] in ("serious", "critical") else []:
            why = "; ".join(each["message"] for each in (*node["any"], *node["all"], *node["none"]))
            say(f"AXE {where}: {rule['id']} {node['target']}: {node['html'][:140]}: {why[:200]}")


def main() -> None:
    """Take the pictures that the command line asks for."""
    names = sorted({states.__name__ for group in GROUPS.values() for states in group})
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="a folder")
    parser.add_argument("--db", type=Path, default=ROOT / ".demo" / "index.lancedb", help="the demo's index")
    parser.add_argument("--pages", nargs="+", choices=names, default=[], help="of these alone")
    parser.add_argument("--sizes", nargs="+", type=int, choices=SIZES, default=list(SIZES))
    parser.add_argument("--themes", nargs="+", choices=["light", "dark"], default=["light", "dark"])
    parser.add_argument("--axe", action="store_true", help="hold each state against axe's rules")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for group, states in GROUPS.items():
            if given.pages and not {each.__name__ for each in states} & set(given.pages):
                continue
            try:
                db = made(group, given.db, folder)
            except Exception as error:
                say(f"skipped {group}: {str(error)[:300]}")
                continue
            take(group, db, given, folder)


if __name__ == "__main__":
    main()
