#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives a Greeter test server with grpcio, the reference client, and judges every answer.

usage: grpcio_client.py --address 127.0.0.1:PORT [--ca ca.pem [--cert client.pem --key client.key]] [--only CASE,…]
       grpcio_client.py --list
       grpcio_client.py --serve COMMAND …      starts the server (its line `listening PORT` gives the port) and ends it

One line a case, `ok <case>` or `FAIL <case> <why>`; exit 1 if one failed. The server's contract stands at the head of
grpcio_server.py. The TLS cases need `--certificates FOLDER` (made by make_certificates.py) beside `--serve`: they start
the server again with certificates.
"""

import argparse
import contextlib
import subprocess
import sys
import threading
import traceback

import grpc

import make_certificates
from grpcio_cases import CASES, Context, Skip, fails


def run(context, names, label=""):
    failed = 0
    for name in names:
        try:
            CASES[name](context)
            print(f"ok {label}{name}", flush=True)
        except Skip as skip:
            print(f"ok {label}{name} (left out: {skip})", flush=True)
        except grpc.RpcError as error:
            failed += 1
            code = error.code() if hasattr(error, "code") else None
            print(f"FAIL {label}{name} unexpected {code}: {error.details() if code else error!r}", flush=True)
        except Exception as error:  # a case may break in any way; the next must still run
            failed += 1
            place = traceback.extract_tb(error.__traceback__)[-1].lineno
            print(f"FAIL {label}{name} {type(error).__name__}: {error} (line {place})".replace("\n", "\\n"), flush=True)
    return failed


@contextlib.contextmanager
def served(command):
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if line.startswith("listening "):
                port = int(line.split()[1])
                break
        else:
            raise SystemExit(f"the server ended before it listened: {command}")
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield f"127.0.0.1:{port}"
        if process.poll() is not None:
            print(f"FAIL server-lives it ended with {process.returncode}", flush=True)
            raise SystemExit(1)
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def tls_credentials(folder, authority="ca", client=None):
    pair = (read(f"{folder}/{client}.key"), read(f"{folder}/{client}.pem")) if client else (None, None)
    return grpc.ssl_channel_credentials(read(f"{folder}/{authority}.pem"), *pair)


def run_tls(command, folder):
    make_certificates.make(folder)
    failed = 0
    all_cases = [name for name in CASES if not name.startswith("gzip-") or name == "gzip-bomb"]
    with_server = [*command, "--cert", f"{folder}/server.pem", "--key", f"{folder}/server.key"]
    with served(with_server) as address:
        failed += run(Context(address, tls_credentials(folder)), all_cases, "tls-")
        by_name = "localhost:" + address.rpartition(":")[2]
        failed += run(Context(by_name, tls_credentials(folder)), ["unary"], "tls-localhost-")
        failed += expect_refusal(address, tls_credentials(folder, "other-ca"), "tls-unknown-authority")
        failed += expect_refusal(address, None, "tls-plain-text-client")
    with served([*with_server, "--client-ca", f"{folder}/ca.pem"]) as address:
        good = tls_credentials(folder, client="client")
        failed += run(Context(address, good), ["unary", "bidirectional-stream", "a-thousand-at-once"], "mtls-")
        failed += expect_refusal(address, tls_credentials(folder), "mtls-without-certificate")
        failed += expect_refusal(address, tls_credentials(folder, client="stranger"), "mtls-stranger")
        failed += run(Context(address, good), ["unary"], "mtls-afterwards-")
    return failed


def expect_refusal(address, credentials, name):
    context = Context(address, credentials)
    try:
        fails(lambda: context.hello("John", timeout=3), grpc.StatusCode.UNAVAILABLE)
        print(f"ok {name}", flush=True)
        return 0
    except AssertionError as error:
        print(f"FAIL {name} {error}".replace("\n", "\\n"), flush=True)
        return 1
    finally:
        context.channel.close()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--address")
    parser.add_argument("--ca")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--certificates")
    parser.add_argument("--serve", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(CASES))
        return 0
    names = [name for name in arguments.only.split(",") if name] or list(CASES)
    unknown = [name for name in names if name not in CASES]
    if unknown:
        sys.exit(f"no such case: {', '.join(unknown)}")

    if arguments.serve:
        with served(arguments.serve) as address:
            failed = run(Context(address, None), names)
        if arguments.certificates:
            failed += run_tls(arguments.serve, arguments.certificates)
        return 1 if failed else 0

    credentials = None
    if arguments.ca:
        pair = (read(arguments.key), read(arguments.cert)) if arguments.cert else (None, None)
        credentials = grpc.ssl_channel_credentials(read(arguments.ca), *pair)
    return 1 if run(Context(arguments.address, credentials), names) else 0


if __name__ == "__main__":
    sys.exit(main())
