"""What the service does with videos in object storage: search, previews, exports, status, forget."""

from __future__ import annotations

import json
import shutil

import pytest
from indexed_service import service_over
from s3_server import s3_environment
from standin_model import BRIGHT, write_levels

from footage.core.errors import UsageError, VideoError
from footage.core.types import Span
from footage.media import sandbox
from footage.objects import requests
from service import browse, previews, sources
from service.export_clips import ExportRequest, export_clips
from service.find import FindRequest, find
from service.forget import ForgetRequest, forget
from service.index import IndexRequest, index
from service.moment_media import MomentMedia
from service.operations.indexing import IndexOnceRequest
from service.search import SearchRequest, search

HALL, YARD = "s3://films/a b/hall.mp4", "s3://films/a b/yard.mp4"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    with s3_environment("films") as served:
        for number, address in enumerate((HALL, YARD)):
            clip = write_levels(
                folder / address.rpartition("/")[2], [40 + 5 * number] * 4 + [200 + 5 * number] * 8
            )
            served.client().upload_file(str(clip), "films", f"a b/{clip.name}")
            shutil.copy(clip, folder / f"copy-{clip.name}")
        served.folder = folder
        yield served


@pytest.fixture(scope="module")
def service(served, tmp_path_factory):
    service = service_over(tmp_path_factory.mktemp("service"))
    index(service, IndexRequest(paths=("s3://films/a b",)))
    return service


def test_a_search_checks_objects_and_says_which_are_away(served, service):
    result = search(service, SearchRequest(query=BRIGHT))
    found = {match.path for match in result.matches if match.verdict == "found"}
    assert found == {HALL, YARD} and not any(match.offline for match in result.matches)
    data = (served.folder / "yard.mp4").read_bytes()
    served.client().delete_object(Bucket="films", Key="a b/yard.mp4")
    requests.forget_statuses()
    result = search(service, SearchRequest(query=BRIGHT, fresh=True))
    assert {match.path: match.offline for match in result.matches} == {HALL: False, YARD: True}
    served.client().put_object(Bucket="films", Key="a b/yard.mp4", Body=data)
    requests.forget_statuses()
    assert index(service, IndexRequest(paths=("s3://films/a b",))).report.windows_captioned == 0


def test_previews_and_exports_are_those_of_the_file(served, service, tmp_path):
    file = service.store().files.at(HALL)
    span = Span(3, 6)
    stretch = previews.around(span, 12)
    since = len(served.requests)
    clip = previews.preview(tmp_path, HALL, content_id=file.content_id, stretch=stretch, file=file)
    assert sandbox.probe(clip.path).duration_seconds == pytest.approx(stretch.duration_seconds, abs=0.3)
    media = MomentMedia(service)
    assert media.clip(file.content_id, span).path.stat().st_size
    assert media.picture(file.content_id, 5.0, width=64).path.read_bytes()[:3] == b"\xff\xd8\xff"
    formats = ("mp4", "edl", "otio", "fcpxml", "csv")
    exported = export_clips(service, ExportRequest(query=BRIGHT, folder=tmp_path / "clips", formats=formats))
    assert exported.exported is not None and not exported.exported.failures
    assert served.bytes_asked(since) == 0  # all of it was read when it was indexed
    texts = {
        path.suffix: path.read_text() for path in (tmp_path / "clips").iterdir() if path.suffix != ".mp4"
    }
    assert f'"{HALL}"' in texts[".otio"] and f'src="{HALL}"' in texts[".fcpxml"] and HALL in texts[".csv"]
    assert len(list((tmp_path / "clips").glob("*.mp4"))) == 2


def test_a_changed_object_is_not_shown(served, service):
    data = (served.folder / "hall.mp4").read_bytes()
    served.client().put_object(Bucket="films", Key="a b/hall.mp4", Body=data[:-1] + b"x")
    requests.forget_statuses()
    file = service.store().files.at(HALL)
    with (
        pytest.raises(VideoError, match=r"hall\.mp4 differs from the indexed file"),
        sources.unchanged(HALL, file),
    ):
        pass
    served.client().put_object(Bucket="films", Key="a b/hall.mp4", Body=data)
    requests.forget_statuses()
    with sources.unchanged(HALL, file):  # the same bytes again, under a later time
        pass


def test_the_app_shows_objects_that_a_run_was_asked_for_alone(service):
    shown = sources.ShownSources(lambda: browse.indexed_roots(service))
    assert shown.holds(HALL, None)
    assert not shown.holds("s3://films/others/x.mp4", None)
    assert not shown.holds("https://example.org/x.mp4", None)


def test_find_takes_an_address(served, service, tmp_path):
    result = find(service, FindRequest(video=YARD, query=BRIGHT, start_seconds=2, end_seconds=8))
    assert result.matches[0].video.content_id == service.store().files.at(YARD).content_id
    elsewhere = service_over(tmp_path)
    match = find(elsewhere, FindRequest(video=YARD, query=BRIGHT)).matches[0]
    assert match.video.content_id.startswith("sampled-")


def test_requests_keep_addresses_as_they_are():
    request = IndexOnceRequest.model_validate_json(json.dumps({"paths": ["s3://b/a  b/c.mp4", "/x"]}))
    assert list(map(str, request.paths)) == ["s3://b/a  b/c.mp4", "/x"]
    for address in ("https://169.254.169.254/x.mp4", "http://localhost/x.mp4"):
        with pytest.raises(UsageError, match="does not read from web servers"):
            IndexOnceRequest(paths=(address,))
    with pytest.raises(UsageError) as failed:
        IndexRequest(paths=("https://host/x.mp4?token=hunter2",))
    assert "hunter2" not in str(failed.value)


def test_forgetting_a_video_removes_its_blocks(service):
    blocks = service.settings.cache_dir / "objects"
    before = len(list(blocks.iterdir()))
    forget(service, ForgetRequest(video=YARD))
    assert len(list(blocks.iterdir())) < before
    assert [file.path for file in service.store().files.all()] == [HALL]
