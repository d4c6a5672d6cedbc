# SPDX-License-Identifier: Apache-2.0
"""The stores that are measured: Martlet's server and etcd 3.5.1, each alone with a data folder of its own."""

import base64
import json
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from . import programs

# A million keys with all their versions are more than the 2 GiB that both allow without it.
QUOTA_BYTES = 8 << 30
# A restart with a million keys may take longer than a first start.
START_SECONDS = 120


class Store:
    """A server that can be killed and started again; ended, with its data, with the `with` block it is used in."""

    def __init__(self, name, command, scheme, port, folder):
        self.name = name
        self.command = command
        self.scheme = scheme
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.port = port
        self.folder = folder
        self.server = None
        # Nobody's certificate is checked: what the handshake costs the server is the same.
        self.context = ssl._create_unverified_context() if scheme == "https" else None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        self.folder.cleanup()

    def start(self):
        """Returns the seconds until it has answered a first put."""
        began = time.monotonic()
        self.server = programs.Server(self.command, self.port)
        while True:
            try:
                self.call("kv/put", {"key": base64.b64encode(b"started").decode()})
                return time.monotonic() - began
            except (OSError, RuntimeError):
                if time.monotonic() - began > START_SECONDS or self.server.process.poll() is not None:
                    self.kill()
                    raise
                time.sleep(0.005)

    def kill(self):
        """As a power cut ends it, as far as the process can tell."""
        if self.server:
            self.server.process.send_signal(signal.SIGKILL)
            self.server.stop()
            self.server = None

    def call(self, method, body, timeout=60):
        """One call of the JSON gateway."""
        request = urllib.request.Request(f"{self.url}/v3/{method}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=timeout, context=self.context) as answer:
            return json.load(answer)

    def revision(self):
        return int(self.call("kv/range", {"key": base64.b64encode(b"started").decode()})["header"]["revision"])

    def compact(self):
        """Forgets all but the newest revision, and returns when that is done."""
        self.call("kv/compaction", {"revision": self.revision(), "physical": True})

    def processor_seconds(self):
        return self.server.processor_seconds()

    def resident_bytes(self):
        return self.server.resident_bytes()

    def disk_bytes(self):
        """What the files take of the disk, and how long they are."""
        allocated = apparent = 0
        for path in pathlib.Path(self.folder.name).rglob("*"):
            try:
                status = path.stat()
            except FileNotFoundError:
                # A log segment that has just been removed.
                continue
            if path.is_file():
                allocated += status.st_blocks * 512
                apparent += status.st_size
        return allocated, apparent

    # MARK: The generator

    def load(self, command, *arguments, timeout=600):
        """What MartletStoreBench has measured, by name."""
        return parse(self.finish(self.begin(command, *arguments), timeout))

    def begin(self, command, *arguments):
        """Starts a load in the background."""
        line = [programs.store_bench(), command, "--port", self.port, "--process", self.server.pid, *arguments]
        return subprocess.Popen(
            [str(part) for part in line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process, timeout=600):
        try:
            text, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        if process.returncode != 0:
            raise RuntimeError(f"{self.name}: {errors}")
        return text


def parse(text):
    """`name number name number …` as a dictionary."""
    words = text.split()
    return {name: float(value) for name, value in zip(words[::2], words[1::2])}


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def folder():
    return tempfile.TemporaryDirectory(prefix="martlet-bench-")


def martlet(certificates=None):
    place, (port,) = folder(), free_ports(1)
    scheme = "https" if certificates else "http"
    command = [
        programs.martlet(), "server", "--data-dir", f"{place.name}/data", "--log-level", "error",
        "--listen-client-urls", f"{scheme}://127.0.0.1:{port}", "--quota-backend-bytes", QUOTA_BYTES]
    return Store("Martlet", command + _tls(certificates), scheme, port, place)


def etcd(certificates=None):
    place, (port, peer_port) = folder(), free_ports(2)
    scheme = "https" if certificates else "http"
    url, peer_url = f"{scheme}://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    command = [
        programs.etcd_35(), "--data-dir", f"{place.name}/data", "--log-level", "error",
        "--listen-client-urls", url, "--advertise-client-urls", url,
        "--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url,
        "--initial-cluster", f"default={peer_url}", "--quota-backend-bytes", QUOTA_BYTES]
    return Store("etcd 3.5.1", command + _tls(certificates), scheme, port, place)


def both():
    """The makers of the stores that are there: ours first."""
    made = {"martlet": martlet}
    try:
        programs.etcd_35()
        made["etcd"] = etcd
    except programs.Unavailable as missing:
        print(f"left out: {missing}", file=sys.stderr)
    return made


def _tls(certificates):
    if not certificates:
        return []
    return ["--cert-file", f"{certificates}/server.pem", "--key-file", f"{certificates}/server.key"]


def make_certificates(folder):
    subprocess.run(
        [sys.executable, str(programs.ROOT / "Tests/Peers/make_certificates.py"), folder], check=True)
