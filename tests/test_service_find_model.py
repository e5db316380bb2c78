"""Two models in one index: one captions, another finds; each is loaded, asked and remembered on its own."""

from __future__ import annotations

import gc
import json
import weakref
from dataclasses import replace

import pytest
from standin_finder import PROFILE, StandinFinder, TestVideo, index_videos
from standin_model import StandinModel, write_levels
from standin_several import SEVERAL, SeveralFinder
from typer.testing import CliRunner

from footage.core.config import load_settings
from footage.core.errors import UsageError
from footage.core.process import available_memory
from footage.embed.text_embedder import load_embedder
from footage.vlm.protocol import Prompt
from search.engine import Engine
from search.grounding.calibration import UNCALIBRATED, card_name
from search.query.parser import parse_query
from service import factories
from service.audit import AuditRequest, audit
from service.find import FindRequest, find
from service.index import IndexRequest, index
from service.search import SearchRequest, search
from service.session import Loaders, Service
from ui.cli.main import app

DOG, CAR = "A white dog runs from left to right.", "A red car drives from left to right."
BUSY = TestVideo("busy", 60, 40, {DOG: [(4, 7), (12, 15), (31, 34)], CAR: [(20, 24)]})
runner = CliRunner()


@pytest.fixture(scope="module")
def embedder():
    return load_embedder("minilm")


@pytest.fixture
def store(tmp_path, embedder):
    return index_videos(tmp_path, [BUSY], embedder)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A folder that looks like weights of a find model; stand-ins take its place before it is read."""
    folder = tmp_path_factory.mktemp("weights") / "finds"
    folder.mkdir()
    config = {"model_type": "qwen3_vl", "vision_config": {}, "footage_profile": "timelens2-4b"}
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("model.safetensors", "tokenizer.json"):
        (folder / name).touch()
    return folder


class Models:
    """Loads a stand-in by the model's name, and keeps count."""

    def __init__(self):
        self.loaded = []
        self.alive = weakref.WeakValueDictionary()

    def __call__(self, settings):
        name = "demo" if settings.model == "demo" else "finds"
        self.loaded.append(name)
        model = {"demo": StandinFinder, "finds": SeveralFinder}[name]([BUSY])
        self.alive[name] = model
        return model


def service_of(store, weights, *, fits=lambda _: True):
    models = Models()
    settings = load_settings(db=store.path, model="demo", find_model=str(weights))
    return Service(settings, loaders=Loaders(model=models, fits=fits)), models


def found(result):
    return [match.span.start_seconds for match in result.matches if match.verdict == "found"]


@pytest.mark.parametrize("hits_first", [True, False])
def test_a_search_loads_and_asks_only_the_find_model(store, weights, hits_first):
    service, models = service_of(store, weights)
    result = search(service, SearchRequest(query=DOG, hits_first=hits_first))
    assert models.loaded == ["finds"] and found(result) == [4, 12, 31]
    assert service.asked_under.model == "standin-several"
    assert result.coverage.model == "standin"
    assert service.find_model() is service.find_model() and models.loaded == ["finds"]


def test_an_audit_and_a_find_ask_only_the_find_model(store, weights, tmp_path):
    service, models = service_of(store, weights)
    result = find(service, FindRequest(video=str(tmp_path / "busy.mp4"), query=CAR))
    assert [match.span.start_seconds for match in result.matches] == [20]
    asked = audit(service, AuditRequest())
    assert len(asked.audits) == 4 and {each.model for each in asked.audits} == {"standin-several"}
    assert models.loaded == ["finds"]


def test_an_index_run_loads_and_asks_only_the_model_that_captions(tmp_path):
    clip = write_levels(tmp_path / "clip.mp4", [30, 220, 30])
    loaded = []

    def load(settings):
        loaded.append(settings.model)
        return StandinModel()

    settings = load_settings(db=tmp_path / "index.lancedb", model="demo", find_model="timelens2-4b")
    index(Service(settings, loaders=Loaders(model=load)), IndexRequest(paths=(clip,)))
    assert loaded == ["demo"]


def test_answers_of_one_model_are_never_served_for_another(store, embedder):
    one, several = StandinFinder([BUSY]), SeveralFinder([BUSY])
    Engine(store, embedder, one).search(DOG)
    other = Engine(store, embedder, several).search(DOG)
    assert several.asked and found(other) == [4, 12, 31]
    asked = len(one.asked), len(several.asked)
    for model in (one, several):
        again = Engine(store, embedder, model).search(DOG)
        assert again.looked.windows
    assert (len(one.asked), len(several.asked)) == asked
    # The same name with other weights, or asked in another way, is another model, too.
    retrained = SeveralFinder([BUSY], revision="2")
    reworded = SeveralFinder([BUSY], profile=replace(SEVERAL, prompt_version="2"))
    for model in (retrained, reworded):
        Engine(store, embedder, model).search(DOG)
        assert len(model.asked) == asked[1]


def test_the_windows_and_the_calibration_are_those_of_the_find_model(store, embedder, tmp_path, monkeypatch):
    monkeypatch.setattr("search.grounding.calibration.OWN_CARDS", tmp_path)
    sure = UNCALIBRATED.model_copy(
        update={"captioned": UNCALIBRATED.captioned.model_copy(update={"intercept": 9.0})}
    )
    (tmp_path / card_name("standin-several")).write_text(sure.model_dump_json())
    short = replace(SEVERAL, window_seconds=10.0, overlap_seconds=2.0)
    finder = SeveralFinder([BUSY], profile=short)
    result = Engine(store, embedder, finder).search(DOG, limit=20)
    assert {window.duration_seconds for _, window, _ in finder.asked} <= {8.0, 10.0}
    assert found(result) == [4, 12, 31]
    assert min(match.confidence for match in result.matches if match.verdict == "found") > 0.99
    other = Engine(store, embedder, StandinFinder([BUSY])).search(DOG, limit=20)
    assert max(match.confidence for match in other.matches) < 0.99


def test_time_is_not_estimated_from_captions_of_another_model(store, embedder):
    windows, seconds = Engine(store, embedder, SeveralFinder([BUSY])).estimate(parse_query(DOG))
    assert windows == 2 and seconds == 0


def test_both_models_stay_in_memory_only_where_they_fit(store, weights):
    service, models = service_of(store, weights)
    service.model(), service.find_model()
    gc.collect()
    assert models.loaded == ["demo", "finds"] and set(models.alive) == {"demo", "finds"}
    service, models = service_of(store, weights, fits=lambda settings: False)
    engine = service.engine()
    engine.search(DOG)
    del engine
    service.model()
    gc.collect()
    assert models.loaded == ["finds", "demo"] and set(models.alive) == {"demo"}
    assert service.asked_under.model == "standin-several"
    assert found(search(service, SearchRequest(query=DOG, fresh=True))) == [4, 12, 31]
    gc.collect()
    assert models.loaded[2:] == ["finds"] and set(models.alive) == {"finds"}


def test_what_fits_goes_by_the_weights_and_a_server_takes_no_memory_here():
    assert available_memory() > 0
    assert factories.fits(load_settings(model="demo", device="cpu"))
    assert factories.fits(load_settings(model="http://127.0.0.1:9/v1#other"))


def test_the_settings_for_finds_are_those_of_the_find_model():
    settings = load_settings(
        model="demo", find_model="timelens2-4b", find_model_path="/weights", fps=1, prompt="Say.", top_p=0.5
    )
    finds = settings.for_finds
    assert (finds.model, str(finds.model_path), finds.fps) == ("timelens2-4b", "/weights", 1)
    assert factories.changes(finds) == {"fps": 1}
    assert finds.for_finds is finds
    for same in (load_settings(model="demo"), load_settings(model="demo", find_model="demo")):
        assert same.for_finds is same
    with pytest.raises(UsageError, match=r"find_model_path \(/weights\) needs find_model"):
        load_settings(find_model_path="/weights")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["index", ".", "--model", "timelens2-4b"], "timelens2-4b cannot caption; it can find"),
        (["search", "a dog", "--find-model", "molmo2-4b"], "molmo2-4b cannot find; it can caption"),
        (
            ["find", "clip.mp4", "a dog", "--find-model", "molmo2-4b"],
            "molmo2-4b cannot find; it can caption",
        ),
        (["audit", "--find-model", "molmo2-4b"], "molmo2-4b cannot find; it can caption"),
        (["search", "a dog", "--find-model", "demmo"], "there is no model 'demmo'"),
        (["search", "a dog", "--find-model-path", "/x"], "find_model_path (/x) needs find_model"),
    ],
)
def test_a_model_is_refused_for_what_it_cannot_do(arguments, said, store, tmp_path, monkeypatch):
    monkeypatch.setenv("FOOTAGE_DB", str(store.path))
    arguments = [str(tmp_path / "busy.mp4") if each == "clip.mp4" else each for each in arguments]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 2 and said in " ".join(result.stderr.split())
    if "cannot find" in said:
        assert "--find-model" in result.stderr


def test_a_model_that_only_finds_is_never_asked_to_caption():
    with pytest.raises(AssertionError):
        SeveralFinder([BUSY]).run([(None, Prompt("caption", "Describe.", 10))])
    assert "caption" not in SEVERAL.skills and PROFILE.skills


def test_status_and_models_show_both(store, monkeypatch):
    monkeypatch.setenv("FOOTAGE_MODEL", "demo")
    monkeypatch.setenv("FOOTAGE_FIND_MODEL", "timelens2-4b")
    status = json.loads(
        runner.invoke(app, ["status", "--db", str(store.path), "--json"]).stdout.splitlines()[0]
    )
    assert [made["model"] for made in status["models"]] == ["standin"]
    assert status["find_model"] == "timelens2-4b"
    assert "timelens2-4b" in runner.invoke(app, ["status", "--db", str(store.path)]).stdout
    listed = {
        line["name"]: line
        for line in map(json.loads, runner.invoke(app, ["models", "--json"]).stdout.splitlines())
    }
    assert listed["demo"]["selected_for"] == ["captions"]
    assert listed["timelens2-4b"]["selected_for"] == ["finds"]
    assert listed["marlin-2b"]["selected_for"] == []
