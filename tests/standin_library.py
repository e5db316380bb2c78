"""A small real index of drawn clips with words, a copy and a broken file; its model answers all questions."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from standin_images import StandinImageEmbedder
from standin_model import BRIGHT, DARK, StandinEmbedder, StandinModel, write_levels
from tiny_tracks import add_video, sign, speech

from footage.core.claim_errors import ClaimError
from footage.core.config import load_settings
from footage.core.tracks import SCREEN_TEXT_TRACK, SPEECH_TRACK
from footage.core.types import Answer
from footage.store import Store
from footage.store.audits import Audit
from footage.vlm.protocol import Prepared
from service import correct, marks, saved
from service.index import IndexRequest, index
from service.session import Loaders, Service

MODEL = "http://127.0.0.1:9/v1#standin"
"""A model by its address: nothing is known of it before it is asked, and no weights are looked for."""
ENVIRONMENT = {
    "FOOTAGE_MODEL": MODEL,
    "FOOTAGE_EMBEDDER": "standin",
    "FOOTAGE_IMAGE_EMBEDDER": "demo-clip",
    "FOOTAGE_TRACKS": "caption,image",
}
"""Settings of every door, as environment variables."""
GATE, YARD = "gate.mp4", "yard.mp4"
ANSWERS = {
    "ask": "It is a wall.",
    "raw": "A plain wall.",
    "point": '<points coords="1 1 250 500 2 750 500">walls</points>',
    "track": '<tracks coords="0.0 1 100 500;0.5 1 300 500;1.0 1 500 500">wall</tracks>',
}


class LibraryModel(StandinModel):
    """As ``StandinModel``; it also answers questions, points and tracks."""

    def __init__(self) -> None:
        super().__init__()
        skills = ("caption", "find", "ask", "point", "track")
        self.profile = replace(self.profile, skills=skills)

    def prepare(self, frames):
        if frames.span.duration_seconds == 0:  # a moment
            return Prepared(frames.span, (frames.pixels.mean(axis=(1, 2, 3)), frames.times_seconds))
        return super().prepare(frames)

    def run(self, requests):
        answers = super().run(requests)
        return [
            Answer(ANSWERS[prompt.kind], "stop") if prompt.kind in ANSWERS else answer
            for answer, (_, prompt) in zip(answers, requests, strict=True)
        ]


class LibraryImageEmbedder(StandinImageEmbedder):
    """As ``StandinImageEmbedder``; a text is a bright picture or a dark one."""

    def embed_texts(self, texts):
        levels = [230 if "bright" in text.lower() else 20 for text in texts]
        if not levels:
            return np.zeros((0, self.dimension), np.float32)
        return self.embed_pictures([np.full((48, 64, 3), level, np.uint8) for level in levels])


def loaders() -> Loaders:
    """Makes the stand-ins, whatever the settings name."""
    return Loaders(
        model=lambda settings: LibraryModel(),
        embedder=lambda settings: StandinEmbedder(),
        image_embedder=lambda settings, name: LibraryImageEmbedder(name),
        fits=lambda settings: True,
    )


def make_library(folder: Path) -> Path:
    """Draw the videos into a folder, index them, and note something about them; the index in that folder."""
    videos = folder / "videos"
    write_levels(videos / GATE, [20, 20, 20, 230, 230, 230, 20, 20])
    write_levels(videos / YARD, [230, 230, 20, 20, 20, 20])
    shutil.copy(videos / GATE, videos / "gate-copy.mp4")
    (videos / "broken.mp4").write_bytes(b"no video")
    db = folder / "index.lancedb"
    service = Service(load_settings(db=db), loaders=loaders())
    index(service, IndexRequest(paths=(videos,)))
    store = Store.open(db)
    add_video(
        store,
        StandinEmbedder(),
        "talk",
        seconds=30.0,
        tracks={
            SPEECH_TRACK: [speech(1, 4, "we open the gate"), speech(6, 9, "and close it again")],
            SCREEN_TEXT_TRACK: [sign(2, 5, "EXIT")],
        },
    )
    saved.save(service, saved.SaveRequest(name="bright", query=BRIGHT, author="Ann"))
    saved.review(service, saved.ReviewRequest(name="bright"))
    saved.remember(service, saved.RememberRequest(query="a dark wall"))
    moment = f"{videos / YARD}@0:01"
    correct.correct(service, correct.CorrectRequest(moment=moment, text="A lamp is on.", author="Bo"))
    request = marks.LabelMomentRequest(video=YARD, start_seconds=2, end_seconds=6, right=True, query=DARK)
    marks.label_moment(service, request)
    store.annotations.audits.put([doubted(store)])
    return db


def doubted(store: Store) -> Audit:
    """The audit of a caption whose time a judge contradicts."""
    gate = store.files.at(str(store.path.parent / "videos" / GATE))
    [event, *_] = [each for each in store.events.of(gate.content_id) if each.text == DARK]
    error = ClaimError(
        "time", "major", "It happens at 0:01.0-0:02.0.", 1, 1, event.span, "0:01.0-0:02.0", (1.5,)
    )
    return Audit(
        event.id,
        event.content_id,
        event.span,
        event.text,
        None,
        0.0,
        "standin",
        "1",
        audited_at=1.0,
        judges=("standin@1",),
        ruling="contradicted",
        support=0.5,
        errors=(error,),
    )
