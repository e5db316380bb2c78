"""Text files that people write: with and without a byte-order mark, wherever they are read."""

from __future__ import annotations

import codecs
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.readers import read_timelens
from footage.core.config import load_settings
from footage.core.errors import FileError, UsageError
from footage.core.text_files import decode_text, read_lines, read_text
from search.grounding.calibration import Calibration, Card, Fit, read_calibration
from service.export.manifest import verify
from service.factories import read_prompt

MARKED = [
    lambda text: text.encode("utf-8"),
    lambda text: text.encode("utf-8-sig"),
    lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
]
marked = pytest.mark.parametrize("mark", MARKED, ids=["none", "UTF-8", "UTF-16 LE", "UTF-16 BE"])


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\ufeff")), st.sampled_from(MARKED)
)
def test_text_comes_back_whatever_the_mark(text, mark):
    assert decode_text(mark(text)) == text


def test_line_ends_are_line_feeds():
    assert decode_text(b"a\r\nb\rc\n") == "a\nb\nc\n"


def test_what_is_no_text_raises():
    with pytest.raises(UnicodeDecodeError):
        decode_text(b"caf\xe9")


def test_a_mark_in_the_middle_of_joined_files_is_taken_away(tmp_path):
    path = tmp_path / "joined.jsonl"
    path.write_bytes('\ufeff{"a": "x\u2028y"}\r\n\ufeff{"b": 2}\n'.encode())
    assert [json.loads(line) for line in read_lines(path) if line] == [{"a": "x\u2028y"}, {"b": 2}]


def test_a_mark_on_stdin_is_taken_away(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO('\ufeff{"a": 1}\n'))
    assert read_lines(Path("-")) == ['{"a": 1}', ""]


@marked
def test_a_config_file(tmp_path, mark):
    path = tmp_path / "config.toml"
    path.write_bytes(mark('embedder = "T\u00fcr"\r\n'))
    assert load_settings(path).embedder == "T\u00fcr"


@marked
def test_a_prompt_file(tmp_path, mark):
    path = tmp_path / "prompt.txt"
    path.write_bytes(mark("Describe the d\u00e9cor.\r\n"))
    assert read_prompt(path) == "Describe the d\u00e9cor."


@marked
def test_a_truth_file(tmp_path, mark):
    path = tmp_path / "truth.json"
    truth = {"T\u00fcr.mp4": {"duration": 10, "spans": [[1, 2]], "queries": ["a fox"]}}
    path.write_bytes(mark(json.dumps(truth, ensure_ascii=False)))
    assert [query.video for query in read_timelens(path)] == ["T\u00fcr.mp4"]


@marked
def test_a_calibration(tmp_path, mark):
    fit = Fit(intercept=0.0, weights={})
    card = Card(date="2026-01-01", data="x", examples=1, positives=1, auroc=1.0, reliability=[])
    made = Calibration(model="demo", captioned=fit, silent=fit, uncaptioned=fit, card=card)
    path = tmp_path / "calibration.json"
    path.write_bytes(mark(made.model_dump_json()))
    assert read_calibration(path) == made


def test_a_calibration_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "calibration.json"
    path.write_bytes(b"caf\xe9")
    with pytest.raises(FileError, match="not UTF-8 text"):
        read_calibration(path)


@marked
def test_a_manifest(tmp_path, mark):
    path = tmp_path / "clips.manifest.json"
    path.write_bytes(mark(json.dumps({"format": "something else"})))
    with pytest.raises(UsageError, match="not a manifest of an export"):
        verify(path)


@marked
def test_a_text_that_is_read_whole(tmp_path, mark):
    path = tmp_path / "a.srt"
    path.write_bytes(mark("1\r\n00:00:01,000 --> 00:00:02,000\r\nT\u00fcr\r\n"))
    assert read_text(path) == "1\n00:00:01,000 --> 00:00:02,000\nT\u00fcr\n"
