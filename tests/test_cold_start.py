"""A search from the shell imports neither torch nor what else takes seconds; LanceDB's import is trimmed."""

from __future__ import annotations

import subprocess
import sys

import pytest
from imported_modules import run_and_list
from standin_finder import TestVideo, index_videos

from footage.embed.text_embedder import load_embedder

VIDEO = TestVideo("yard", 20, 24.0, {"A white dog runs.": [(2, 6)], "A red car stops.": [(10, 14)]})


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    return index_videos(tmp_path_factory.mktemp("cold"), [VIDEO], load_embedder()).path


def run(code):
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_search_without_a_model_imports_no_torch(db, tmp_path):
    printed, loaded = run_and_list(
        *(tmp_path, "search", "--no-ground", "a dog is running"),
        *("--db", str(db), "--service", "never", "--json"),
    )
    assert "A white dog runs." in printed
    assert {"lancedb", "tokenizers", "ui.cli.commands.search"} <= loaded
    heavy = {
        "torch",
        "transformers",
        "sentence_transformers",
        "sklearn",
        "scipy",
        "onnxruntime",
        "pandas",
        "av",
    }
    assert loaded & heavy == set()
    assert [name for name in loaded if name.startswith("lance_namespace_urllib3_client.api")] == []
    others = {name for name in loaded if name.startswith("ui.cli.commands.")} - {"ui.cli.commands.search"}
    assert others == set()


def test_what_is_left_out_of_lancedb_is_there_once_it_is_used():
    code = """
import sys
from footage.store.lean_imports import import_lancedb

lancedb = import_lancedb()
assert import_lancedb() is lancedb is sys.modules["lancedb"]
assert "pandas" not in sys.modules and "lance_namespace_urllib3_client.api" not in sys.modules

import lance_namespace_urllib3_client as client
from lance_namespace_urllib3_client import ApiClient
assert client.TableApi.__module__ == "lance_namespace_urllib3_client.api.table_api"
assert not hasattr(client, "no_such_name")

import pyarrow
assert pyarrow.array([1, None]).null_count == 1 and "pandas" not in sys.modules
import pandas
assert pyarrow.array(pandas.Series([1, None])).null_count == 1
table = pyarrow.Table.from_pandas(pandas.DataFrame({"a": [1, 2]}))
assert table.to_pandas()["a"].tolist() == [1, 2]
"""
    run(code)


def test_what_draws_the_help_can_still_draw_everything():
    code = """
import sys
from ui.cli.help_imports import import_help_drawing

import_help_drawing()
import typer.rich_utils
assert "rich.markdown" not in sys.modules and "rich.traceback" not in sys.modules
drawn = typer.rich_utils.Markdown("*text*")
assert isinstance(drawn, typer.rich_utils.Markdown)
import rich.markdown, rich.traceback
assert type(drawn) is rich.markdown.Markdown
try:
    raise ValueError
except ValueError as error:
    trace = typer.rich_utils.Traceback.from_exception(type(error), error, error.__traceback__)
assert type(trace) is rich.traceback.Traceback
"""
    run(code)


def test_pandas_that_is_there_before_lancedb_stays_known_to_pyarrow():
    code = """
import pandas
from footage.store.lean_imports import import_lancedb

import_lancedb()
import pyarrow
assert pyarrow.array(pandas.Series([1, None])).null_count == 1
"""
    run(code)
