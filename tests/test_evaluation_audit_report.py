"""The report of an audit and its command: a page that is whole, escaped and alone; lines; kill and resume."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from command_runner import CommandRunner
from hypothesis import given
from hypothesis import strategies as st
from screenshot_app import browser_page
from standin_auditor import StandinAuditor
from standin_truth import SAMPLES, TruthModel
from test_evaluation_truth_audit import audit_of, event, own_file, quiet, red_is_blue, shifted
from test_ui_commands import bare_environment, lines  # noqa: F401
from tiny_clips import write_clip

from evaluation.audit.figures import figures_of_audit, read_accuracy
from evaluation.audit.pictures import take_pictures
from evaluation.audit.report import write_report
from evaluation.pages.html_parts import element, escaped
from footage.core.errors import UsageError
from service.session import Loaders
from ui.cli.main import app

VOID = {"meta", "img", "input"}
HOSTILE = "</style><script>alert(1)</script>\"'><img src=x onerror=alert(1)> & \u202e\x00 ünï"
runner = CommandRunner()


class Checker(HTMLParser):
    """Collects elements, and sees whether each that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def checked(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    return checker


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """An audit whose names, texts and answers are attacks, with its page."""
    tmp_path = tmp_path_factory.mktemp("hostile")
    write_clip(tmp_path / "a & b's.mp4", count=60)
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    events = [
        event(f"A red dog runs {HOSTILE}.", (0, 1), id=HOSTILE),
        event("A red car stops.", (1, 2), id="late"),
        event("A man waits.", (2, 9), id="past"),
    ]
    videos = {"a & b's.mp4": {"duration": 60, "events": events}}
    videos |= {name: {"events": [event(HOSTILE, (0, 1))]} for name in (f"{HOSTILE}.mp4", "broken.mp4")}
    truth = own_file(tmp_path / "truth <b>.json", videos)
    says = lambda claim: red_is_blue(claim) or shifted(late=(4, 5))(claim)  # noqa: E731
    _, audit = audit_of(truth, [StandinAuditor(f"one {HOSTILE}", says), StandinAuditor("two", says)])
    out = tmp_path / "report.html"
    write_report(
        audit, figures_of_audit(audit), out, on_progress=quiet, made_at=datetime(2026, 1, 2, tzinfo=UTC)
    )
    return audit, out.read_text("utf-8")


def test_the_page_is_whole_and_loads_and_runs_nothing(hostile):
    _, page = hostile
    checker = checked(page)
    names = {tag for tag, _ in checker.seen}
    assert not names & {"script", "link", "iframe", "object", "embed", "form", "base", "a"}
    for tag, attributes in checker.seen:
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        assert attributes.get("src", "data:image/jpeg;base64,").startswith("data:image/jpeg;base64,")
    assert not re.search(r"https?://|url\(|@import|javascript:", page)
    assert "\x00" not in page and "\u202e" not in page and "ünï" in page


def test_the_policy_allows_the_style_of_the_page_and_no_other(hostile):
    _, page = hostile
    policy = next(a["content"] for _, a in checked(page).seen if "http-equiv" in a)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy and policy.startswith("default-src 'none'")
    assert "unsafe" not in policy and page.count("<style>") == 1


def test_the_page_shows_what_was_found(hostile):
    audit, page = hostile
    assert len(audit.with_errors) == 3
    assert page.count("<article") == 3 and page.count("As claimed") >= 3 and page.count("As suggested") >= 1
    for words in (
        "2026-01-02",
        "2 of 2 judges",
        "no name of a file",
        "cannot be opened",
        "It happens at 0:04.0-0:05.0",
    ):
        assert words in page, words
    assert "The video lasts 6.0 s, not 60.0 s." in page and "Wrong durations (1)" in page
    for jpeg in re.findall(r"base64,([^\"]+)", page):
        assert base64.b64decode(jpeg).startswith(b"\xff\xd8")


def test_frames_are_bounded(hostile):
    audit, _ = hostile
    assert len(take_pictures(audit.with_errors, on_progress=quiet, most_bytes=1)) == 1
    assert len(take_pictures(audit.with_errors, on_progress=quiet)) == 3


def test_choices_show_how_many_entries_they_leave(hostile):
    _, page = hostile
    labels = re.findall(r"<label><input[^>]*>([^<]*)<small>(\d+)</small>", page)
    assert ("All kinds ", "3") in labels and ("Wrong attribute ", "2") in labels
    assert sum(int(number) > 3 for _, number in labels) == 0
    assert page.count('class="panel none no-match"') == 1


def test_without_errors_nothing_is_red_and_nothing_to_choose(tmp_path):
    write_clip(tmp_path / "a.mp4", count=20)
    truth = own_file(tmp_path / "truth.json", {"a.mp4": {"events": [event("A dog runs.", (0, 1))]}})
    _, audit = audit_of(truth, [StandinAuditor("one")])
    write_report(audit, figures_of_audit(audit), tmp_path / "r.html", on_progress=quiet)
    page = (tmp_path / "r.html").read_text("utf-8")
    checked(page)
    assert "No error was found." in page and 'class="tile major"' not in page and "<fieldset" not in page


@given(st.text())
def test_any_text_is_escaped(text):
    written = element("p", text, title=text)
    found = checked(written).seen
    assert [tag for tag, _ in found] == ["p"] and set(found[0][1]) == {"title"}
    assert not re.search(r"[<>\"']", escaped(text))


@pytest.mark.browser
@pytest.mark.smoke
def test_in_a_browser_the_filters_work_and_the_policy_stops_nothing(hostile, tmp_path):
    (tmp_path / "page.html").write_text(hostile[1], "utf-8")
    with browser_page(f"file://{tmp_path / 'page.html'}", width=390) as page:
        shown = "[...document.querySelectorAll('.error')].filter(e => e.offsetParent).length"
        assert page.evaluate(shown) == 3
        page.check("#kind-attribute", force=True)
        assert page.evaluate(shown) == 2
        page.check("#only-major", force=True)
        assert page.evaluate(shown) == 1  # the car: its time is wrong as well
        no_match = "getComputedStyle(document.querySelector('.no-match')).display"
        assert page.evaluate(no_match) == "none"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert (page.alerts, page.refused) == ([], [])


# --- the command --------------------------------------------------------------------------------------------


@pytest.fixture
def at_home(bare_environment, monkeypatch, tmp_path):  # noqa: F811
    """A model that knows the sample clips, and a truth file of one of them with errors."""
    monkeypatch.setattr(runner, "loaders", Loaders(lambda settings: TruthModel()))
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")
    monkeypatch.setenv("FOOTAGE_CACHE_DIR", str(tmp_path / "cache"))
    events = [
        event("A blue car drives from right to left.", (2, 8.5), id="right"),
        event("A green car drives from left to right.", (11.5, 33.5), id="past"),
    ]
    gone = {"gone.mp4": {"events": [event("A dog runs.", (0, 1), id="g")]}}
    return own_file(tmp_path / "truth.json", {"beach_dusk.mp4": {"duration": 20.0, "events": events}, **gone})


def audit(*arguments):
    return runner.invoke(app, ["eval", "audit", *map(str, arguments)])


def test_lines_tables_and_files(at_home, tmp_path):
    report, out = tmp_path / "r.html", tmp_path / "out.json"
    given_ = ("--videos", SAMPLES, "--report", report)
    result = audit(at_home, *given_, "--out", out, "--judge-accuracy", "9/10,1/20", "--json")
    assert result.exit_code == 3, result.output  # one video is not there
    found = lines(result.stdout)
    assert {line["type"] for line in found} >= {"entry", "unchecked", "summary"}
    past = next(line for line in found if line["type"] == "entry" and line["id"] == "past")
    assert any(error["found_by"] == "arithmetic" for error in past["errors"]) and past["votes"]
    summary = found[-1]
    assert summary["videos_not_found"] == ["gone.mp4"] and summary["entries_checked"] == 2
    assert summary["judges"] and summary["estimate"]["sensitivity"] == 0.9
    checked(report.read_text("utf-8"))
    assert json.loads(out.read_text())["videos"]["beach_dusk.mp4"]["events"][1]["to_check"] is True
    twice = lines(audit(at_home, "--videos", SAMPLES, "--runs", "2", "--json").stdout)[-1]
    assert [name[-5:] for name in twice["judges"]] == ["run 1", "run 2"] and len(twice["by_judge"]) == 2
    again = audit(at_home, *given_)
    assert again.exit_code == 3 and "entries with an error" in again.stdout and "gone.mp4" in again.stdout


def test_arithmetic_alone_needs_no_model_and_a_bound_fails(at_home):
    given_ = (at_home, "--videos", SAMPLES, "--no-judge")
    result = audit(*given_, "--fail-over", "0.5")
    assert result.exit_code == 3 and "Checked without a judge" in result.stdout
    over = audit(*given_, "--fail-over", "0.3", "--json")
    assert over.exit_code == 1 and lines(over.stdout)[-1]["over"] is True


def test_a_dry_run_asks_no_model(at_home, monkeypatch):
    monkeypatch.setattr(runner, "loaders", Loaders(lambda settings: pytest.fail("a model was loaded")))
    result = audit(at_home, "--videos", SAMPLES, "--dry-run", "--runs", "2", "--json")
    [plan] = lines(result.stdout)
    assert (plan["videos_opened"], plan["entries_to_check"], plan["judges"]) == (1, 2, ["demo", "demo"])
    assert plan["claims"] > 4 and plan["footage_seconds"] == 20.0 and plan["arithmetic_errors"] == 1
    assert "would check" in audit(at_home, "--videos", SAMPLES, "--dry-run").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "response"),
    [
        (["--videos", "nowhere"], 1, "is not there"),
        (["--report", "r.json"], 2, "no HTML file"),
        (["--out", "truth.json"], 2, "the truth file"),
        (["--judge", "demo", "--no-judge"], 2, "exclude each other"),
        (["--judge", "demo", "--judge", "demo"], 2, "would judge twice"),
        (["--judge-accuracy", "1/0,2"], 2, "FOUND/WRONG"),
        (["--format", "qvhighlights"], 2, "line 1"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(at_home, monkeypatch, tmp_path, arguments, code, response):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    given_ = arguments if "--videos" in arguments else ["--videos", str(SAMPLES), *arguments]
    result = audit("truth.json", *given_, "--json")
    error = json.loads(result.stderr.splitlines()[-1])
    assert (result.exit_code, result.stdout) == (code, "") and response in error["error"]
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("text", ["1/2", "3/2,1/2", "1/0,0/1", "a/b,c/d", "1/2,1/2,1/2", "1/2,-1/2"])
def test_an_accuracy_that_makes_no_sense_is_refused(text):
    with pytest.raises(UsageError):
        read_accuracy(text)


KILLED = """
import os, signal
from pathlib import Path
from standin_auditor import StandinAuditor
from test_evaluation_truth_audit import audit_of

def says(claim):
    if "kills" in claim.text:
        os.kill(os.getpid(), signal.SIGKILL)

audit_of(Path({truth!r}), [StandinAuditor("one", says)])
"""


@pytest.mark.posix
def test_an_audit_that_was_killed_goes_on_where_it_was(tmp_path):
    for name in ("a", "b", "c"):
        write_clip(tmp_path / f"{name}.mp4", count={"a": 10, "b": 11, "c": 12}[name])
    texts = {"a": "A dog runs.", "b": "A car that kills stops.", "c": "A man waits."}
    videos = {f"{name}.mp4": {"events": [event(text, (0, 1))]} for name, text in texts.items()}
    truth = own_file(tmp_path / "truth.json", videos)
    program = KILLED.format(truth=str(truth))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, timeout=240, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert {path.suffix for path in (tmp_path / "kept").rglob("*") if path.is_file()} == {".json"}
    resumed = StandinAuditor("one")
    _, found = audit_of(truth, [resumed])
    assert [Path(path).name for path, _ in resumed.asked] == ["b.mp4", "c.mp4"]
    assert [video.from_earlier for video in found.videos] == [True, False, False]
    assert sum(entry.is_checked for _, entry in found.entries) == 3
