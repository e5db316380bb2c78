"""The export panel: exports go on beside the page, can be cancelled, and are fetched by their maker alone."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import time
import zipfile
from pathlib import Path

import httpx2
import pytest
from app_pages import page, press, whole
from screenshot_app import browser_page, chromium, running_app
from streamlit.testing.v1 import AppTest
from tiny_exports import NTSC, clip_of, write_rated

from footage.core.errors import UsageError
from service.export import Options, PackageOptions, verify, write_package
from ui.web.access.visitor import HEADER, Visitor
from ui.web.export_jobs import JOBS, ExportJobs, owner_of
from ui.web.export_routes import EXPORTS, ExportRoutes, export_address

APP = Path(__file__).with_name("export_app.py")
OWNER = owner_of(Visitor("edit"))


@pytest.fixture
def rushes(tmp_path, monkeypatch):
    """A folder of two videos, and an app that exports into another."""
    folder = tmp_path / "rushes"
    folder.mkdir()
    write_rated(folder / "gate.mp4", NTSC, count=120)
    write_rated(folder / "yard.mp4", 25, count=120)
    for name, value in {
        "CLIPS": folder,
        "EXPORT_DIR": tmp_path / "exports",
        "DB": tmp_path / "none.lancedb",
        "CACHE_DIR": tmp_path / "cache",
        "AUDIT_LOG": tmp_path / "audit.jsonl",
    }.items():
        monkeypatch.setenv(f"FOOTAGE_{name}", str(value))
    monkeypatch.delenv("FOOTAGE_CONFIG", raising=False)
    yield folder
    JOBS.close()


def opened(**query):
    app = AppTest.from_file(str(APP), default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = str(value)
    return whole(app.run())


def waited(job):
    job.thread.join(120)
    assert job.state != "running"
    return job


def get(address, visitor):
    """What a visitor gets at an address of the routes, with nothing behind them."""

    async def behind(scope, receive, send):
        raise AssertionError(scope["path"])

    async def ask():
        transport = httpx2.ASGITransport(app=ExportRoutes(behind))
        async with httpx2.AsyncClient(transport=transport, base_url="http://app") as client:
            return await client.get(address, headers={HEADER: visitor.as_header()})

    return asyncio.run(ask())


def test_a_package_is_written_beside_the_page_and_fetched_as_one_zip(rushes, tmp_path):
    app = press(opened(), "Export editor package")
    [job] = JOBS.of(OWNER)[:1]
    waited(job)
    text = page(whole(app.run()))
    assert "Download zip" in text and export_address(job) in text
    assert "<b>reel</b>" not in text and "My &lt;b&gt;reel" in text
    home = tmp_path / "exports" / "My _b_reel__b_ _1_"
    assert job.exported.folder == home and (home / "media").is_dir()
    [entry] = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert (entry["action"], entry["outcome"], entry["clips"]) == ("export", "done", 2)

    # A page that was opened anew has it, too.
    assert export_address(job) in page(opened())

    # The zip is what lies on disk, and its manifest agrees with it.
    answer = get(export_address(job), Visitor("edit"))
    assert answer.status_code == 200 and int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["cache-control"] == "private, no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path / "elsewhere")
    [manifest] = (tmp_path / "elsewhere").glob("*/*.manifest.json")
    assert verify(manifest).problems == ()
    assert sorted(path.name for path in manifest.parent.rglob("*")) == sorted(
        path.name for path in home.rglob("*")
    )


@pytest.mark.parametrize(
    ("kind", "button", "endings"),
    [
        ("Film", "Export film", {".mp4", ".otio", ".edl", ".json"}),
        ("Clips", "Export clips", {".mp4", ".json"}),
    ],
)
def test_films_and_clips(rushes, kind, button, endings):
    app = opened()
    whole(app.segmented_control(key="export_kind").set_value(kind).run())
    press(app, button)
    job = waited(JOBS.of(OWNER)[0])
    assert job.state == "done" and {path.suffix for _, path in job.files} == endings
    assert len([name for name, _ in job.files if name.endswith(".mp4")]) == (1 if kind == "Film" else 2)
    text = page(whole(app.run()))
    assert ("Download MP4" if kind == "Film" else "Download zip") in text
    answer = get(export_address(job, 0), Visitor("edit"))
    assert answer.content == job.files[0][1].read_bytes()
    assert job.files[0][1].name.split(".")[0] in answer.headers["content-disposition"].replace("%20", " ")


def test_nobody_else_fetches_an_export(rushes):
    press(opened(), "Export editor package")
    job = waited(JOBS.of(OWNER)[0])
    others = (Visitor("view"), Visitor("edit", user="eve"), Visitor("edit", session="another"))
    for address in (export_address(job), export_address(job, 0)):
        assert get(address, Visitor("edit")).status_code == 200
        for other in others:
            assert get(address, other).status_code == 404
    for path in (
        f"{EXPORTS}/guess/0",
        f"{EXPORTS}/{job.id}/99",
        f"{EXPORTS}/{job.id}/..%2f..%2fetc%2fpasswd",
    ):
        assert get(path, Visitor("edit")).status_code == 404
    assert len(job.id) >= 32
    job.files[0][1].unlink()
    for address in (export_address(job), export_address(job, 0)):
        assert get(address, Visitor("edit")).status_code == 404


def test_a_cancelled_export_leaves_nothing_and_another_can_start(rushes, tmp_path):
    clips = [clip_of(path, 1, 2) for path in rushes.iterdir()]
    jobs, out = ExportJobs(), tmp_path / "out"

    def write(on_event, on_file, cancel):
        def named(name):
            on_file(name)
            assert cancel.wait(60)  # as if this file took long

        from service.events import steps

        return write_package(
            clips,
            out,
            package=PackageOptions(),
            options=Options(name="x"),
            on_progress=steps("exporting", on_event, cancel),
            on_file=named,
        )

    job = jobs.start("me", name="x", kind="Editor package", write=write)
    end = time.monotonic() + 60
    while not job.file and time.monotonic() < end:
        job.thread.join(0.02)
    assert job.file.startswith("001_") and job.state == "running"
    with pytest.raises(UsageError, match="an export is running"):
        jobs.start("me", name="y", kind="Clips", write=write)
    assert any(out.iterdir())  # staged, under a hidden name
    job.cancel.cancel()
    job.thread.join(60)
    assert job.state == "cancelled" and list(out.iterdir()) == []
    again = jobs.start("me", name="y", kind="Clips", write=write)
    assert [each.name for each in jobs.of("me")] == ["y", "x"]
    assert jobs.get(job.id, "me") is job and jobs.get(job.id, "you") is None
    jobs.close()
    assert again.state == "cancelled" and jobs.of("me") == [] and jobs.get(job.id, "me") is None


def test_a_source_that_is_gone_is_said_in_a_sentence(rushes, tmp_path):
    clips = [clip_of(path, 1, 2) for path in rushes.iterdir()]
    shutil.rmtree(rushes)

    def write(on_event, on_file, cancel):
        return write_package(clips, tmp_path, package=PackageOptions(), options=Options(name="x"))

    job = waited(JOBS.start(OWNER, name="x", kind="Editor package", write=write))
    assert job.state == "failed" and "does not exist" in str(job.error)
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="no browser")
def test_in_a_browser_an_export_survives_a_reload_is_cancelled_and_downloaded(rushes, tmp_path):
    settings = {"clips": rushes, "library_roots": rushes, "export_dir": tmp_path / "exports"}
    with running_app(APP, **settings) as address, browser_page(f"{address}/?clips=30") as tab:
        go, cancel = tab.locator(".st-key-export_go button"), tab.locator(".st-key-export_cancel button")
        go.click()
        cancel.wait_for()
        tab.reload()
        cancel.click()
        tab.get_by_text("The export was cancelled.").wait_for()
        assert list((tmp_path / "exports").glob("*")) == []  # nothing staged, either
        tab.goto(f"{address}/?clips=2")
        go.click()
        tab.locator(".fx-download").wait_for()
        with tab.expect_download() as fetched:
            tab.locator(".fx-download").click()
        assert fetched.value.suggested_filename.endswith(".zip")
        assert zipfile.ZipFile(fetched.value.path()).testzip() is None
        assert tab.refused == [] and tab.alerts == []
