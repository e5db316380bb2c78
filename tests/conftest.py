"""Fixtures every test file may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("project", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("project")


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory) -> Iterator[None]:
    """What the tests do through the app goes into no audit log of the person who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOOTAGE_AUDIT_LOG", str(tmp_path_factory.mktemp("state") / "audit.jsonl"))
        yield


@pytest.fixture(scope="session")
def placed() -> dict[str, str]:
    """Where tests that compare answers run a model: FOOTAGE_TEST_DEVICE, the CPU where it is not set.

    In float32 and with exact convolutions, as bfloat16 is not exact. A GPU that was promised and is not there
    fails the tests.
    """
    name = os.environ.get("FOOTAGE_TEST_DEVICE", "") or "cpu"
    if name.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            pytest.fail(f"FOOTAGE_TEST_DEVICE is {name}, and torch finds no such device here", pytrace=False)
        torch.backends.cudnn.conv.fp32_precision = "ieee"
        torch.backends.cuda.matmul.fp32_precision = "ieee"
    return {"device": name, "dtype": "float32"}


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real clips and annotations; tests that need it skip without it."""
    folder = os.environ.get("FOOTAGE_TEST_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs FOOTAGE_TEST_DATA, a folder of real clips and annotations")
    return Path(folder)
