# SPDX-License-Identifier: Apache-2.0
"""A server under test and the etcdctl commands that run against it, noted down as a transcript."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

READY = "ready to serve client requests"
# A first start on a busy two-core machine, its election included, stays far below this.
START_SECONDS = 300
# How long etcdctl waits for an answer: by itself 5 s, which a login may take on a busy machine.
ANSWER_SECONDS = 60
# No command of a scenario takes longer.
COMMAND_SECONDS = 90
# Longer lines, which only very large values give, are cut in the transcript.
LONGEST_LINE = 4000


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """A server process on ports picked by the kernel, with its data in a folder of its own."""

    def __init__(self, template):
        self.template = template
        self.folder = tempfile.mkdtemp(prefix="etcdctl-parity-")
        self.process = None
        for attempt in range(3):  # a picked port may be taken by another process before the server binds it
            self.client = f"127.0.0.1:{free_port()}"
            self.peer = f"127.0.0.1:{free_port()}"
            if self.start():
                return
        log = self.log_text()
        self.close()
        raise SystemExit(f"no line '{READY}' from: {template}\n{log[-3000:]}")

    def log_text(self):
        with open(os.path.join(self.folder, "server.log"), errors="replace") as file:
            return file.read()

    def start(self):
        words = {"client": f"http://{self.client}", "peer": f"http://{self.peer}"}
        data = os.path.join(self.folder, "data")
        shutil.rmtree(data, ignore_errors=True)
        command = [word.format(data=data, **words) for word in shlex.split(self.template)]
        with open(os.path.join(self.folder, "server.log"), "wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "HOME": self.folder},
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            if READY in self.log_text():
                return True
            time.sleep(0.05)
        self.stop()
        return False

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Background:
    """An etcdctl that runs on while others do, its output collected line by line."""

    def __init__(self, session, label, process):
        self.session = session
        self.label = label
        self.process = process
        self.lines = {"|": [], "!": []}
        self.readers = []
        for stream, mark in ((process.stdout, "|"), (process.stderr, "!")):
            reader = threading.Thread(target=self.read, args=(stream, mark), daemon=True)
            reader.start()
            self.readers.append(reader)

    def read(self, stream, mark):
        for line in stream:
            self.lines[mark].append(line.rstrip("\n"))

    def type(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def expect(self, count, seconds=COMMAND_SECONDS):
        """Waits until `count` lines have come on stdout since the start."""
        end = time.monotonic() + seconds
        while len(self.lines["|"]) < count and time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.02)
        if len(self.lines["|"]) < count:
            time.sleep(0.2)  # the process may have ended with its last lines still in the pipe
        if len(self.lines["|"]) < count:
            self.session.note(f"({self.label}: only {len(self.lines['|'])} lines of {count})")

    def finish(self, number=None):
        """Notes all output; sends the signal before (None: the process ends by itself)."""
        if number is not None and self.process.poll() is None:
            self.process.send_signal(number)
        ended = True
        try:
            self.process.wait(COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            ended = False
            self.process.kill()
            self.process.wait()
        for reader in self.readers:
            reader.join(2)
        self.session.note(f"$ (output of {self.label})")
        self.session.output(self.lines["|"], "|")
        self.session.output(self.lines["!"], "!")
        if number != signal.SIGKILL:
            self.session.note(f"  = {self.process.returncode}" if ended else "  = did not end")


class Session:
    """Runs etcdctl against one server and keeps the unmasked transcript."""

    def __init__(self, etcdctl, server):
        self.etcdctl = etcdctl
        self.server = server
        self.transcript = []
        self.backgrounds = []

    def note(self, line):
        self.transcript.append(line)

    def output(self, lines, mark):
        for line in lines:
            if len(line) > LONGEST_LINE:
                line = f"{line[:400]}… ({len(line)} characters)"
            self.note(f"  {mark} {line}")

    def environment(self, endpoints=None):
        return {
            "PATH": os.environ["PATH"],
            "HOME": self.server.folder,
            "ETCDCTL_API": "3",
            "ETCDCTL_COMMAND_TIMEOUT": f"{ANSWER_SECONDS}s",
            "ETCDCTL_ENDPOINTS": endpoints or self.server.client,
        }

    def run(self, *arguments, stdin=None, quiet=False, endpoints=None):
        """Runs one command to its end, notes it and returns its stdout."""
        shown = shlex.join(arguments)
        if len(shown) > LONGEST_LINE:
            shown = f"{shown[:60]}… ({len(shown)} characters)"
        try:
            done = subprocess.run(
                [self.etcdctl, *arguments],
                input=stdin if stdin is not None else "",
                capture_output=True,
                text=True,
                errors="backslashreplace",
                timeout=COMMAND_SECONDS,
                env=self.environment(endpoints),
                cwd=self.server.folder,
            )
            stdout, stderr, code = done.stdout, done.stderr, str(done.returncode)
        except subprocess.TimeoutExpired as late:
            stdout, stderr = ((part or b"").decode(errors="backslashreplace") for part in (late.stdout, late.stderr))
            code = "did not end"
        if not quiet:
            self.note(f"$ etcdctl {shown}")
            if stdin is not None:
                shown_input = stdin if len(stdin) <= LONGEST_LINE else f"({len(stdin)} characters)"
                self.output(shown_input.splitlines(), "<")
            self.output(stdout.splitlines(), "|")
            self.output(stderr.splitlines(), "!")
            self.note(f"  = {code}")
        return stdout

    def background(self, label, *arguments):
        """Starts a command that runs on; its output is noted when it is finished."""
        self.note(f"$ etcdctl {shlex.join(arguments)} &  ({label})")
        process = subprocess.Popen(
            [self.etcdctl, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="backslashreplace",
            env=self.environment(),
            cwd=self.server.folder,
        )
        background = Background(self, label, process)
        self.backgrounds.append(background)
        return background

    def until(self, what, condition, seconds=COMMAND_SECONDS):
        """Waits for a condition on the server; what it asks is not noted."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.1)
        self.note(f"(not within {seconds} s: {what})")

    def keys(self, prefix):
        return [line for line in self.run("get", prefix, "--prefix", "--keys-only", quiet=True).splitlines() if line]

    def grant(self, ttl):
        """Grants a lease and returns its id in hexadecimal."""
        words = self.run("lease", "grant", str(ttl)).split()
        return words[1] if len(words) > 1 else "0"

    def close(self):
        for background in self.backgrounds:
            if background.process.poll() is None:
                background.process.kill()
                background.process.wait()
