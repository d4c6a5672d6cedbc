# SPDX-License-Identifier: Apache-2.0
"""One kind of call, measured with h2load."""

import dataclasses
import re
import subprocess
import tempfile

from . import http2, programs

# Threads of h2load. With one, ten connections of ten streams left the two cores idle a fifth of the time: server and
# generator waited for each other by turns.
THREADS = 2


@dataclasses.dataclass
class Measure:
    """What one run gave; of several, the medians."""

    rate: float
    # Server's processor time of each call: user and system, all threads. None where nobody's is meant.
    microseconds: float


@dataclasses.dataclass
class Subject:
    """Something that answers calls."""

    name: str
    server: programs.Server
    path: str
    payload: bytes
    # Must occur in the answer.
    expected: bytes
    content_type: str = "application/grpc"
    headers: tuple = ()
    # How much longer answers may become while stores' revisions grow.
    growing_bytes: int = 0
    answer_bytes: int = 0
    calls_per_second: float = 0


def check(subject):
    """Makes one call and remembers how long the right answer is."""
    connection = http2.Connection(subject.server.port, subject.server.scheme == "https")
    try:
        answer = connection.call(subject.path, subject.content_type, subject.payload)
    finally:
        connection.close()
    if subject.expected not in answer:
        raise RuntimeError(f"{subject.name} answered {answer[:200]!r}")
    subject.answer_bytes = len(answer)


def run(subject, connections, streams, calls):
    """Calls that often, and fails unless every call was answered in full."""
    with tempfile.NamedTemporaryFile() as body:
        body.write(http2.message(subject.payload))
        body.flush()
        headers = [f"content-type: {subject.content_type}", "te: trailers", *subject.headers]
        command = [programs.h2load(), "-n", calls, "-c", connections, "-m", streams, "-t", THREADS, "-d", body.name]
        command += [part for header in headers for part in ("-H", header)]
        command.append(f"{subject.server.scheme}://127.0.0.1:{subject.server.port}{subject.path}")
        before = subject.server.processor_seconds()
        text = subprocess.run(
            [str(part) for part in command], check=True, capture_output=True, text=True, timeout=120).stdout
        spent = subject.server.processor_seconds() - before
    rate = re.search(r"([\d.]+) req/s", text)
    succeeded = re.search(r"(\d+) succeeded", text)
    data = re.search(r"\((\d+)\) data", text)
    if not (rate and succeeded and data) or int(succeeded.group(1)) != calls:
        raise RuntimeError(f"{subject.name}: h2load says\n{text}")
    least = calls * subject.answer_bytes
    if not least <= int(data.group(1)) <= least + calls * subject.growing_bytes:
        raise RuntimeError(f"{subject.name}: not every call was answered with {subject.answer_bytes} bytes\n{text}")
    return Measure(float(rate.group(1)), spent / calls * 1e6)


def warm_up(subject, connections, streams, seconds):
    """Lets caches fill and learns how many calls fill a run."""
    rate = run(subject, connections, streams, 10_000).rate
    subject.calls_per_second = run(subject, connections, streams, max(10_000, int(rate * seconds / 3))).rate


def measure(subject, connections, streams, seconds):
    return run(subject, connections, streams, max(1_000, int(subject.calls_per_second * seconds)))


def measure_in_turn(subjects, connections, streams, rounds, seconds):
    """Lists of measures by key; the subjects take turns."""
    for subject in subjects.values():
        check(subject)
        warm_up(subject, connections, streams, seconds)
    measures = {key: [] for key in subjects}
    for _ in range(rounds):
        for key, subject in subjects.items():
            measures[key].append(measure(subject, connections, streams, seconds))
    return measures
