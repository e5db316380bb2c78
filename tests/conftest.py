"""Fixtures every test file may use."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("project", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("project")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real clips and annotations; tests that need it skip without it."""
    folder = os.environ.get("FOOTAGE_TEST_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs FOOTAGE_TEST_DATA, a folder of real clips and annotations")
    return Path(folder)
