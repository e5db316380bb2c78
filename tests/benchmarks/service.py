"""Measures the running service: the command from a shell beside the command alone, and many clients at once.

*Shell* runs `footage search --no-ground` in turns with and without the service. *Load* starts clients that
search over HTTP, each as fast as it is answered, and counts errors, times and how evenly they are served.
Both ask an index of the sample clips, with captions of the demo model, and the service is `footage serve`.

Examples:
    python -m tests.benchmarks.service
    python -m tests.benchmarks.service --part shell --repeats 40
    python -m tests.benchmarks.service --part load --clients 20 --seconds 60 --db .demo/index.lancedb
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks import common

ROOT = Path(__file__).resolve().parents[2]
CLIPS = ROOT / "data" / "footage"
FOOTAGE = (sys.executable, "-m", "ui.cli")
CLIENTS = 20
SECONDS = 300.0
"""How long the load lasts."""
WARM_FOR_ONE = 5
"""Runs with the service for each run without it, which takes many times as long."""
BAR_SECONDS = 0.5
"""What a search with the service may take at the 95th percentile, from a shell."""
QUERIES = (
    "a person walks from left to right",
    "a red car drives",
    "a dog runs across the yard",
    "a ball bounces",
    "a truck stops at the gate",
    "a bird flies",
    "two people meet",
    "a blue car",
    "somebody rides a bicycle",
    "a boat on the water",
)
Connect = Callable[[], http.client.HTTPConnection]


@dataclass
class ClientFigures:
    """What one client saw."""

    seconds: list[float] = field(default_factory=list)
    """Time of each answer."""
    errors: Counter[str] = field(default_factory=Counter)
    """How many requests failed, by status or error."""


def main() -> None:
    """Measure, print, write."""
    arguments = common.parser(__doc__, "service")
    arguments.add_argument("--part", choices=("shell", "load"), help="one part alone")
    arguments.add_argument("--db", type=Path, help="an index of the sample clips; made now when not given")
    arguments.add_argument("--clients", type=int, default=CLIENTS, help="clients at once")
    arguments.add_argument("--seconds", type=float, default=SECONDS, help="how long the load lasts")
    given = arguments.parse_args()
    result: dict[str, object] = {"benchmark": "service"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = _environment(folder)
        db = (given.db or _index(folder / "index.lancedb", environment)).resolve()
        with _service(db, environment) as (address, token):
            if given.part != "load":
                result["shell"] = rows = shell(db, environment, given.repeats)
                common.show("footage search --no-ground, from a shell (seconds)", rows)
            if given.part != "shell":
                result["load"] = row = load(
                    _connector(address), token, clients=given.clients, seconds=given.seconds
                )
                common.show(f"{given.clients} clients, {given.seconds:g} s (milliseconds)", [row])
    common.write(given.out, result)


def _environment(folder: Path) -> dict[str, str]:
    """The same for the service and its clients; with nothing of the person who measures."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("FOOTAGE_")}
    return {
        **own,
        "FOOTAGE_MODEL": "demo",
        "FOOTAGE_TOKEN_FILE": str(folder / "token"),
        "XDG_RUNTIME_DIR": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "HF_HUB_OFFLINE": "1",
    }


def _index(db: Path, environment: Mapping[str, str]) -> Path:
    command = [*FOOTAGE, "index", str(CLIPS), "--db", str(db), "--tracks", "captions", "--quiet"]
    subprocess.run(command, check=True, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    return db


@contextmanager
def _service(db: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """`footage serve`, on TCP too; its address and token."""
    command = [*FOOTAGE, "serve", "--db", str(db), "--port", "8599", "--rate", "100000", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ROOT, text=True) as process:
        try:
            assert process.stdout is not None
            record = json.loads(process.stdout.readline())
            yield record["addresses"][0], Path(record["token_file"]).read_text().strip()
        finally:
            process.terminate()


def shell(db: Path, environment: Mapping[str, str], repeats: int) -> list[dict[str, object]]:
    """The command with and without the service, in turns, every time with another query."""
    queries = itertools.cycle(QUERIES)

    def search(service: str, query: str) -> bytes:
        command = [*FOOTAGE, "search", query, "--no-ground", "--db", str(db), "--service", service]
        return subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT).stdout

    for query in (QUERIES[0], *QUERIES):
        search("auto", query)  # the first ones wait until the service has loaded what it needs
    took: dict[str, list[float]] = {"with the service": [], "alone": []}
    for _ in range(repeats):
        query = next(queries)
        took["alone"].append(common.seconds_of(lambda: search("never", query)))  # noqa: B023 - called now
        for query in itertools.islice(queries, WARM_FOR_ONE):
            took["with the service"].append(
                common.seconds_of(lambda: search("always", query))  # noqa: B023 - called now
            )
    return [
        {
            "what": name,
            **common.percentiles(values, digits=3),
            "max": round(max(values), 3),
            "runs": len(values),
        }
        for name, values in took.items()
    ]


def _connector(address: str) -> Connect:
    place = urlsplit(address)
    return lambda: http.client.HTTPConnection(place.hostname or "localhost", place.port or 80, timeout=120)


def load(
    connect: Connect, token: str, *, clients: int = CLIENTS, seconds: float = SECONDS
) -> dict[str, object]:
    """Search with many clients at once.

    Args:
        connect: Opens a connection; each client has one of its own.
        token: For the header; none is sent when empty.
        clients: How many.
        seconds: How long; requests at hand are answered after that.

    Returns:
        Requests, their times in milliseconds, errors by kind, and how evenly the clients were served.
    """
    figures = [ClientFigures() for _ in range(clients)]
    start = threading.Barrier(clients + 1)
    ends = [0.0]

    def run(number: int) -> None:
        start.wait()
        _search_until(lambda: time.monotonic() >= ends[0], connect, token, figures[number], number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    ends[0] = began + seconds
    start.wait()
    for thread in threads:
        thread.join()
    return _summary(figures, time.monotonic() - began)


def _search_until(
    over: Callable[[], bool], connect: Connect, token: str, figures: ClientFigures, number: int
) -> None:
    """One client: searches, one after the other, on one connection as long as that lasts."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    queries = itertools.islice(itertools.cycle(QUERIES), number % len(QUERIES), None)
    connection = connect()
    while not over():
        body = json.dumps({"query": next(queries), "ground": False, "limit": 5})
        began = time.monotonic()
        try:
            connection.request("POST", "/api/v1/search", body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            figures.errors[type(error).__name__] += 1
            connection.close()
            continue
        figures.seconds.append(time.monotonic() - began)
        if answer.status != 200 or b'"coverage"' not in text:
            figures.errors[str(answer.status)] += 1
    connection.close()


def _summary(figures: Sequence[ClientFigures], lasted: float) -> dict[str, object]:
    counts = [len(each.seconds) for each in figures]
    times = [1000 * value for each in figures for value in each.seconds]
    errors = sum((each.errors for each in figures), Counter[str]())
    return {
        "requests": len(times),
        "per second": round(len(times) / lasted, 1),
        **common.percentiles(times, digits=1),
        "max": round(max(times, default=0.0), 1),
        "errors": sum(errors.values()),
        "kinds of errors": json.dumps(errors),
        "fewest of a client": min(counts),
        "most of a client": max(counts),
        "Jain's index": round(fairness(counts), 4),
    }


def fairness(counts: Sequence[int]) -> float:
    """Jain's index of how evenly something is shared: 1 where all have the same, 1/n where one has all."""
    squares = sum(count * count for count in counts)
    return sum(counts) ** 2 / (len(counts) * squares) if squares else 0.0


if __name__ == "__main__":
    main()
