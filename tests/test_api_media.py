"""Clips, posters and thumbnails over HTTP: ranges, expiry, changed files, and bounds."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace

import av
import pytest
from indexed_service import indexed_service
from PIL import Image
from served_api import served
from standin_model import write_levels

from footage.core.types import File, Span
from service import browse
from service.media_links import KEY_FILE, MediaSigner, index_signer
from service.moment_media import MediaBusyError, MediaGoneError, MomentMedia

WALL = Span(5.0, 7.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def service(folder):
    return indexed_service(folder, names=("hall.mp4", "replaced.mp4"))


@pytest.fixture(scope="module")
def client(service):
    with served(service) as api, api.client(None) as client:
        yield client


def content_of(service, name: str) -> str:
    [file] = [file for file in browse.files(service) if file.path.endswith(name)]
    return file.content_id


@pytest.fixture
def clip(service) -> str:
    return index_signer(service).address("clip", content_of(service, "hall.mp4"), WALL)


def test_a_clip_of_a_moment_plays_and_says_what_it_is(client, clip):
    answer = client.get(clip)
    assert answer.status_code == 200 and answer.headers["content-type"] == "video/mp4"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"].startswith("private")
    assert answer.headers["content-disposition"].startswith('inline; filename="moment-')
    with av.open(io.BytesIO(answer.content)) as film:
        seconds = float(film.duration / av.time_base)
        brightest = max(frame.to_ndarray(format="gray").mean() for frame in film.decode(video=0))
    assert seconds == pytest.approx(6.0, abs=0.2)  # 3 to 9 s: the moment and two seconds around it
    assert brightest > 180


@pytest.mark.parametrize(("kind", "widest"), [("poster", 960), ("thumbnail", 360)])
def test_pictures_are_jpegs_of_the_middle(client, service, kind, widest):
    address = index_signer(service).address(kind, content_of(service, "hall.mp4"), WALL)
    answer = client.get(address)
    assert answer.headers["content-type"] == "image/jpeg"
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.width <= widest and picture.convert("L").getpixel((10, 10)) > 180


def test_parts_of_a_clip_are_sent(client, clip):
    whole = client.get(clip).content
    part = client.get(clip, headers={"Range": "bytes=10-19"})
    assert part.status_code == 206 and part.content == whole[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    tail = client.get(clip, headers={"Range": "bytes=-5"})
    assert tail.status_code == 206 and tail.content == whole[-5:]
    beyond = client.get(clip, headers={"Range": f"bytes={len(whole)}-"})
    assert beyond.status_code == 416 and beyond.headers["content-range"] == f"bytes */{len(whole)}"
    assert client.get(clip, headers={"Range": "lines=1-2"}).status_code == 400


def test_what_a_client_has_is_not_sent_again(client, clip):
    first = client.get(clip)
    again = client.get(clip, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and not again.content
    assert client.get(clip, headers={"If-None-Match": '"other"'}).status_code == 200
    stale = client.get(clip, headers={"Range": "bytes=0-3", "If-Range": '"other"'})
    assert stale.status_code == 200 and stale.content == first.content


def test_the_head_alone_can_be_asked_for(client, clip):
    whole = client.get(clip)
    head = client.head(clip)
    assert head.status_code == 200 and not head.content
    assert head.headers["content-length"] == str(len(whole.content))


@pytest.mark.parametrize(
    "ticket",
    [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/etc/passwd",
        "x",
        "x.y",
        "%00",
        "a" * 600,
        "\N{SNOWMAN}",
    ],
)
def test_an_address_that_was_not_made_here_opens_nothing(client, ticket):
    assert client.get(f"/media/clip/{ticket}").status_code in (403, 404, 422)


def test_a_changed_address_is_refused(client, clip):
    for changed in (clip[:-1] + ("0" if clip[-1] != "0" else "1"), clip.replace("/clip/", "/poster/")):
        answer = client.get(changed)
        assert answer.status_code == 403 and answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["hint"]
    assert client.get(clip.replace("/clip/", "/film/")).status_code == 422


def test_an_answer_has_links_for_those_who_may_view(service):
    with served(service) as api, api.client("view") as viewer, api.client(None) as nobody:
        found = viewer.post("/api/v1/search", json={"query": "bright", "ground": False}).json()
        [first, *_] = found["links"]
        record = found["records"][first["record"]]
        assert first["moment"].startswith(f"http://localhost:8501/library?video={record['content_id']}")
        for name in ("clip", "poster"):
            assert first[name].startswith(f"{api.address}/media/{name}/")
            assert nobody.get(first[name]).status_code == 200
        assert nobody.post("/api/v1/search", json={"query": "bright"}).status_code == 401


def test_an_expired_address_is_gone(client, service):
    key = (service.settings.db / KEY_FILE).read_bytes()
    old = MediaSigner(key, lifetime_seconds=-1)
    assert client.get(old.address("clip", content_of(service, "hall.mp4"), WALL)).status_code == 410


def test_a_video_that_the_index_does_not_know_is_not_found(client, service):
    for content_id in ("unknown", "../../etc/passwd", "*"):
        answer = client.get(index_signer(service).address("clip", content_id, WALL))
        assert answer.status_code == 404


def test_a_file_that_was_replaced_is_not_shown(client, service, folder):
    address = index_signer(service).address("clip", content_of(service, "replaced.mp4"), WALL)
    assert client.get(address).status_code == 200
    place = folder / "library" / "replaced.mp4"
    shutil.copy(place, folder / "kept.mp4")
    write_levels(place, [120] * 12)
    answer = client.get(address)
    assert answer.status_code == 409 and "replaced.mp4 differs" in answer.json()["detail"]
    assert str(folder) not in answer.text


def test_a_row_of_a_folder_that_nobody_indexed_opens_no_file(service, folder, tmp_path):
    outside = write_levels(tmp_path / "secret.mp4", [90] * 12)
    store = service.store()
    [known] = store.videos.of([content_of(service, "hall.mp4")]).values()
    store.videos.put([replace(known, content_id="planted")])
    store.files.put([File(str(outside), "planted", state="indexed")])
    with pytest.raises(MediaGoneError, match="outside the indexed folders"):
        MomentMedia(service).clip("planted", WALL)


def test_only_so_many_are_cut_at_once(service):
    cutting = MomentMedia(service, at_once=0, patience_seconds=0.0)
    with pytest.raises(MediaBusyError):
        cutting.clip(content_of(service, "hall.mp4"), Span(0.0, 1.0))
