"""The OpenAPI document against the service: generated requests, sound and unsound, to every route.

FOOTAGE_SCHEMATHESIS sets the number of requests; the usual run sends a few for each route. The numbers of
requests and of their statuses are in the report of ``--junitxml``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from served_api import ServedApi, made_index, made_service, served

from ui.api.access import ApiAccess, ApiLimits

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
REQUESTS = int(os.environ.get("FOOTAGE_SCHEMATHESIS", "0"))
USUAL_REQUESTS_PER_ROUTE = 4


@pytest.fixture(scope="module")
def api(tmp_path_factory) -> Iterator[ServedApi]:
    """A service that takes jobs and never runs them: they would write where a generated request says."""
    folder = tmp_path_factory.mktemp("api")
    service = made_service(
        made_index(folder), audit_log=folder / "audit.jsonl", export_dir=folder / "exports"
    )
    fast = ApiAccess(limits=ApiLimits(requests_per_second=1e9, burst_requests=10**9))
    with served(service, fast, lifespan="off") as api:
        yield api


@pytest.mark.timeout(7200)
def test_no_request_gets_an_undocumented_answer_or_breaks_it(api, tmp_path, record_testsuite_property):
    schema = schemathesis.openapi.from_dict(api.app.openapi())
    operations = [result.ok() for result in schema.get_all_operations()]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    requests = REQUESTS * 11 // 10  # routes without parameters have fewer different requests than that
    per_route = max(requests // (len(modes) * len(operations)), USUAL_REQUESTS_PER_ROUTE // 2)
    statuses: Counter[int] = Counter()
    failures: dict[str, str] = {}
    for operation in operations:
        for mode in modes:
            send = sender(api, operation, mode, tmp_path, statuses, per_route)
            try:
                send()
            except Unsatisfiable:  # nothing that is unsound can be sent to a route without parameters
                assert mode is GenerationMode.NEGATIVE, operation.label
            except BaseExceptionGroup as error:
                failures[f"{operation.label} {mode.value}"] = "\n".join(map(str, error.exceptions))
            except AssertionError as error:
                failures[f"{operation.label} {mode.value}"] = str(error)
    record_testsuite_property("requests", sum(statuses.values()))
    record_testsuite_property("statuses", dict(sorted(statuses.items())))
    assert failures == {}
    assert sum(statuses.values()) >= REQUESTS
    assert {200, 422} <= statuses.keys() and max(statuses) < 500


def sender(api, operation, mode, folder, statuses, examples):
    """Sends generated requests of one kind to one route."""
    token = {"Authorization": f"Bearer {api.tokens['admin']}"}

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=not REQUESTS,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case):
        if isinstance(case.body, dict) and str(case.body.get("folder", "")).startswith("/"):
            case.body["folder"] = str(folder)  # nothing is written elsewhere
        response = case.call(base_url=api.address, headers=token, timeout=120)
        statuses[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    return send
