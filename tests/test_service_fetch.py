"""Downloads of addresses: what is asked, what is refused, what is left behind."""

from __future__ import annotations

import ipaddress
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tiny_clips import write_clip

from footage.core.config import Settings
from footage.core.errors import FileError, NotAVideoError, UsageError, VideoNotFoundError
from service.cancellation import Cancelled, CancelToken
from service.events import StageProgress
from service.fetch import FetchLimits, download, is_public, local_files, redirect_target, resolve, shown_url
from service.locators import parse_locator
from service.session import Service

LIMITS = FetchLimits(10_000_000, {"127.0.0.1"}.__contains__, resolve)


@dataclass
class Site:
    """A server on this machine, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            found.asked.append((self.path, self.headers["Host"]))
            path = self.path.partition("?")[0]
            if path in found.redirects:
                self.send_response(302)
                self.send_header("Location", found.redirects[path])
                self.end_headers()
                return
            data = found.files.get(path)
            self.send_response(404 if data is None else 200)
            if path.startswith("/endless"):
                self.end_headers()
                for _ in range(1000):
                    try:
                        self.wfile.write(data or b"")
                    except OSError:
                        return
                return
            claimed = len(data or b"") + (1000 if path.startswith("/cut") else 0)
            self.send_header("Content-Length", str(claimed))
            self.end_headers()
            self.wfile.write(data or b"")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    found.files["/clip.mp4"] = write_clip(tmp_path / "source.mp4").read_bytes()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "downloads").mkdir()
    return tmp_path / "downloads"


def test_a_file_is_downloaded_under_its_own_name(site: Site, folder: Path) -> None:
    events = []
    path = download(site.at("/clip.mp4?token=secret#here"), folder, limits=LIMITS, on_event=events.append)
    assert path == folder / "clip.mp4" and path.read_bytes() == site.files["/clip.mp4"]
    assert site.asked == [("/clip.mp4?token=secret", f"127.0.0.1:{site.port}")]
    assert all(isinstance(event, StageProgress) for event in events)


def test_an_image_may_be_downloaded_too(site: Site, folder: Path) -> None:
    Image.new("RGB", (8, 8)).save(folder / "a.png")
    site.files["/a.png"] = (folder / "a.png").read_bytes()
    assert download(site.at("/a.png"), folder, limits=LIMITS).name == "a.png"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "passwd"),
        ("/-rf%20x.mp4", "rf_x.mp4"),
        ("/a%00b.mp4", "a_b.mp4"),
        ("/", "download"),
        ("/" + "x" * 300, "x" * 80),
    ],
)
def test_a_name_stays_in_its_folder(path: str, name: str, site: Site, folder: Path) -> None:
    site.files[path] = site.files["/clip.mp4"]
    assert download(site.at(path), folder, limits=LIMITS) == folder / name


def test_redirects_are_followed_within_limits(site: Site, folder: Path) -> None:
    site.redirects |= {"/one": "/two", "/two": site.at("/clip.mp4"), "/round": "/round"}
    assert download(site.at("/one"), folder, limits=LIMITS).read_bytes() == site.files["/clip.mp4"]
    with pytest.raises(VideoNotFoundError, match=r"/round cannot be downloaded: more than 5 redirects"):
        download(site.at("/round"), folder, limits=LIMITS)
    assert len([path for path, _ in site.asked if path == "/round"]) == 6


@pytest.mark.parametrize(
    "target", ["http://10.0.0.1/a.mp4", "http://[::1]/a.mp4", "http://169.254.169.254/x"]
)
def test_a_redirect_to_a_private_address_is_refused_unasked(target: str, site: Site, folder: Path) -> None:
    site.redirects["/in"] = target
    with pytest.raises(UsageError, match="is on this machine or in a private network") as error:
        download(site.at("/in"), folder, limits=LIMITS)
    assert "--fetch-private" in error.value.hint and [*folder.iterdir()] == []


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://example.org/a.mp4", "gopher://x/", "data:video/mp4,x"]
)
def test_a_redirect_to_anything_else_is_refused(target: str, site: Site, folder: Path) -> None:
    site.redirects["/in"] = target
    with pytest.raises(UsageError, match="only http and https"):
        download(site.at("/in"), folder, limits=LIMITS)


def test_a_redirect_does_not_leave_encryption() -> None:
    assert redirect_target("https://a/x?y", "/z") == "https://a/z"
    assert redirect_target("http://a/x", "https://b/z") == "https://b/z"
    with pytest.raises(
        VideoNotFoundError, match=r"https://a/x .* redirects to http://b/z, which is not encr"
    ):
        redirect_target("HTTPS://a/x?secret", "http://b/z?secret")


def test_a_host_is_asked_at_the_address_that_was_checked(site: Site, folder: Path) -> None:
    seen = []

    def once(host: str, port: int) -> list[str]:
        seen.append((host, port))
        return ["127.0.0.1"] if len(seen) == 1 else ["10.0.0.1"]

    url = f"http://videos.example:{site.port}/clip.mp4"
    download(url, folder, limits=replace(LIMITS, resolve=once))
    assert seen == [("videos.example", site.port)] and site.asked == [
        ("/clip.mp4", f"videos.example:{site.port}")
    ]


def test_one_private_address_among_several_is_enough(folder: Path) -> None:
    limits = FetchLimits(1000, is_public, lambda host, port: ["8.8.8.8", "192.168.0.1"])
    with pytest.raises(UsageError, match="private network"):
        download("https://videos.example/a.mp4", folder, limits=limits)


def test_this_machine_is_private_by_any_name(site: Site, folder: Path) -> None:
    limits = replace(LIMITS, may_ask=is_public)
    for host in ("127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]"):
        with pytest.raises((UsageError, VideoNotFoundError)):
            download(f"http://{host}:{site.port}/clip.mp4", folder, limits=limits)
    assert site.asked == []


@given(st.ip_addresses())
def test_private_addresses_are_known(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    expected = address.is_global and not address.is_multicast
    inside = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None)
    if address.version == 6 and address in ipaddress.ip_network("64:ff9b::/96"):
        inside = ipaddress.IPv4Address(address.packed[-4:])
    if inside is not None:
        expected = inside.is_global and not inside.is_multicast
    assert is_public(str(address)) is expected


@given(st.ip_addresses(v=4))
def test_an_address_behind_a_gateway_is_as_private_as_itself(address: ipaddress.IPv4Address) -> None:
    digits = address.packed.hex()
    halves = f"{digits[:4]}:{digits[4:]}"
    for written in (f"64:ff9b::{halves}", f"2002:{halves}::1", f"::ffff:{halves}"):
        assert is_public(written) is is_public(str(address))
    if address.version == 4:
        assert is_public(f"::ffff:{address}") is is_public(str(address))


def test_size_is_limited_before_and_while_it_is_downloaded(site: Site, folder: Path) -> None:
    limits = replace(LIMITS, most_bytes=len(site.files["/clip.mp4"]) - 1)
    with pytest.raises(VideoNotFoundError, match=r"/clip\.mp4 is larger than") as error:
        download(site.at("/clip.mp4"), folder, limits=limits)
    assert "--fetch-max-gb" in error.value.hint and [*folder.iterdir()] == []
    site.files["/endless.mp4"] = site.files["/clip.mp4"]
    with pytest.raises(VideoNotFoundError, match="is larger than"):
        download(site.at("/endless.mp4"), folder, limits=replace(LIMITS, most_bytes=100_000))


def test_a_page_is_no_video(site: Site, folder: Path) -> None:
    site.files["/page.mp4"] = b"<!doctype html><title>Watch</title>" * 9000
    with pytest.raises(NotAVideoError, match=r"/page\.mp4 is a text file, not a video"):
        download(site.at("/page.mp4"), folder, limits=LIMITS)
    site.files["/list.mp4"] = b"#EXTM3U\nhttp://10.0.0.1/a.ts\n"
    with pytest.raises(NotAVideoError, match="is an HLS playlist"):
        download(site.at("/list.mp4"), folder, limits=LIMITS)
    site.files["/nothing.mp4"] = b""
    with pytest.raises(NotAVideoError, match="is empty"):
        download(site.at("/nothing.mp4"), folder, limits=LIMITS)


def test_what_goes_wrong_is_one_sentence(site: Site, folder: Path) -> None:
    with pytest.raises(VideoNotFoundError, match="the server answers with 404"):
        download(site.at("/gone.mp4"), folder, limits=LIMITS)
    site.files["/cut.mp4"] = site.files["/clip.mp4"]
    with pytest.raises(VideoNotFoundError, match="cannot be downloaded"):
        download(site.at("/cut.mp4"), folder, limits=LIMITS)

    def nowhere(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    with pytest.raises(VideoNotFoundError, match=r"the host videos\.example is unknown"):
        download("https://videos.example/a.mp4", folder, limits=replace(LIMITS, resolve=nowhere))
    with pytest.raises(VideoNotFoundError, match="cannot be downloaded"):
        download("http://127.0.0.1:1/a.mp4", folder, limits=LIMITS)
    with pytest.raises(VideoNotFoundError, match="cannot be downloaded"):  # no TLS there
        download(f"https://127.0.0.1:{site.port}/clip.mp4", folder, limits=LIMITS)
    with pytest.raises(UsageError, match="holds a user name"):
        download(f"http://me:secret@127.0.0.1:{site.port}/clip.mp4", folder, limits=LIMITS)
    with pytest.raises(FileError, match="cannot be stored"):
        download(site.at("/clip.mp4"), folder / "missing", limits=LIMITS)


def test_a_download_can_be_cancelled(site: Site, folder: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        download(site.at("/clip.mp4"), folder, limits=LIMITS, cancel=cancel)


def test_secrets_of_an_address_are_not_shown() -> None:
    assert shown_url("https://me:pw@host:8443/a/b.mp4?token=x#y") == "https://host:8443/a/b.mp4"
    assert shown_url("http://[::1/a") == "the address"


def test_nothing_is_fetched_without_the_flag_and_nothing_is_left_behind(site: Site, tmp_path: Path) -> None:
    service = Service(Settings(db=tmp_path / "index", fetch_private=True))
    with (
        pytest.raises(UsageError, match="nothing is downloaded unasked") as error,
        local_files(service, [site.at("/clip.mp4")], fetch=False),
    ):
        pass
    assert "--fetch" in error.value.hint and site.asked == []
    before = set(os.listdir(tempfile.gettempdir()))
    texts = [site.at("/clip.mp4") + "@0:01-0:02", site.at("/clip.mp4"), "local.mp4@3"]
    with local_files(service, texts, fetch=True) as [stretch, whole, local]:
        assert (stretch.start_seconds, stretch.end_seconds) == (1.0, 2.0)
        assert stretch.path == whole.path and whole.path.read_bytes() == site.files["/clip.mp4"]
        assert stretch.address == whole.address == site.at("/clip.mp4") and not local.address
        assert local.path == Path("local.mp4")
    assert not whole.path.exists() and len(site.asked) == 1
    assert {
        name for name in set(os.listdir(tempfile.gettempdir())) - before if name.startswith("footage-")
    } == set()


def test_an_address_may_have_a_time_behind_it() -> None:
    for text, address, start in (
        ("https://host/a.mp4", "https://host/a.mp4", None),
        ("https://host/a.mp4@1:10", "https://host/a.mp4", 70.0),
        ("HTTP://host/@user/a.mp4", "HTTP://host/@user/a.mp4", None),
        ("https://host/a.mp4@2x", "https://host/a.mp4@2x", None),
    ):
        place = parse_locator(text, addresses=True)
        assert (place.address, place.start_seconds) == (address, start)
    assert parse_locator("https://host/a.mp4").address == ""
