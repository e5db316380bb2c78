"""``python -m evaluation.suites``: what measures this project, by the command line."""

import json

import pytest
from tiny_image_models import write_clip

from evaluation.suites.__main__ import main


def test_retrieval_is_measured_on_annotations(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FOOTAGE_CACHE_DIR", str(tmp_path / "cache"))
    corpus, queries = tmp_path / "corpus.json", tmp_path / "queries.json"
    kitchen = {
        "duration": 30,
        "timestamps": [[0, 9], [10, 30]],
        "sentences": ["A woman cooks.", "She eats it."],
    }
    beach = {"duration": 20, "timestamps": [[0, 20]], "sentences": ["Children run along a beach."]}
    corpus.write_text(json.dumps({"kitchen": kitchen, "beach": beach}))
    asked = {"duration": 30, "timestamps": [[0, 10]], "sentences": ["a woman is cooking"]}
    queries.write_text(json.dumps({"kitchen": asked}))
    arguments = ["retrieval", "--corpus", str(corpus), "--queries", str(queries)]
    assert main([*arguments, "--json"]) == 0
    figures_by_name = json.loads(capsys.readouterr().out)
    assert set(figures_by_name["arms"]) == {"text", "vector", "hybrid"}
    for figures in figures_by_name["arms"].values():
        assert figures["video_R@1"] == figures["moment_R@1@0.7"] == 100.0 and figures["MRR"] == 1
        assert figures["video_R@1_95"] == [100.0, 100.0] and figures["query_p95_ms"] > 0
    assert figures_by_name["gains"]["hybrid"]["video_R@1"] == [1, 1, 1]
    assert (figures_by_name["videos"], figures_by_name["events"], figures_by_name["queries"]) == (2, 3, 1)
    assert main([*arguments, "--arm", "hybrid", "--limit-queries", "5"]) == 0
    shown = capsys.readouterr().out
    assert "video_R@1" in shown and "queries: 1" in shown

    queries.write_text(json.dumps({"lake": asked}))
    assert main(arguments) == 1
    assert "'lake'" in capsys.readouterr().err


def test_image_embedders_are_measured_on_drawn_clips(tmp_path, capsys):
    folder = write_clip(tmp_path / "clip")
    arguments = ["images", "--parts", "vectors", "--seed", "4", "--videos", "2"]
    arguments += ["--image-embedder", str(folder)]
    assert main([*arguments, "--keep", str(tmp_path / "kept"), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["image_embedder"] == str(folder) and figures["vector_videos"] == 2
    assert figures["vector_queries"] > 3 * figures["vector_withheld"] and figures["vector_frames"] > 40
    shares = ("R@1", "absent_AUROC", "absent_AUROC_raw")
    assert all(0 <= figures[f"vector_{kind}_{name}"] <= 1 for kind in ("image", "text") for name in shares)
    assert len(list((tmp_path / "kept" / "vectors").glob("*.mp4"))) == 2
    assert main(["images", "--parts", "vectors", "--image-embedder", "./nothing"]) == 1
    assert "cannot be loaded" in capsys.readouterr().err


def test_a_part_that_is_not_there_is_a_sentence(capsys):
    with pytest.raises(SystemExit):
        main(["images", "--parts", "verdicts,colours"])
    assert "no part 'colours'" in capsys.readouterr().err


def test_every_suite_has_a_help(capsys):
    for name in ("demo-model", "end-to-end", "verdicts", "occurrences", "images", "long-file", "retrieval"):
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0 and "--json" in capsys.readouterr().out


def test_a_model_that_is_not_there_is_a_sentence(capsys):
    assert main(["demo-model", "--clips", "1", "--model", "no/such-model"]) == 1
    assert "no/such-model" in capsys.readouterr().err
