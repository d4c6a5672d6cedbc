#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes test certificates into a folder, with the `openssl` program: make_certificates.py FOLDER

ca.pem            the authority that signs both of the next two
server.pem/.key   for localhost, 127.0.0.1 and ::1
client.pem/.key   for client authentication, common name martlet-client
other-ca.pem      an authority that signed none of them, and
stranger.pem/.key a client certificate by it
All live one day. Keys are P-256. A folder that has them all already is left alone.
"""

import os
import subprocess
import sys

FILES = ["ca.pem", "other-ca.pem"]
FILES += [f"{name}.{kind}" for name in ("server", "client", "stranger") for kind in ("pem", "key")]


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")


def _authority(path, name):
    _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
        "-subj", f"/CN={name}", "-keyout", path(name + ".key"), "-out", path(name + ".pem"),
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
    )  # fmt: skip


def _leaf(path, name, authority, common_name, extensions):
    request, extension_file = path(name + ".csr"), path(name + ".ext")
    _openssl(
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={common_name}",
        "-keyout", path(name + ".key"), "-out", request,
    )  # fmt: skip
    with open(extension_file, "w") as file:
        file.write(extensions)
    _openssl(
        "x509", "-req", "-in", request, "-CA", path(authority + ".pem"), "-CAkey", path(authority + ".key"),
        "-CAcreateserial", "-days", "1", "-extfile", extension_file, "-out", path(name + ".pem"),
    )  # fmt: skip
    os.remove(request)
    os.remove(extension_file)


def make(folder):
    os.makedirs(folder, exist_ok=True)

    def path(name):
        return os.path.join(folder, name)

    if all(os.path.exists(path(name)) for name in FILES):
        return
    _authority(path, "ca")
    _authority(path, "other-ca")
    server = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth\n"
    _leaf(path, "server", "ca", "localhost", server)
    _leaf(path, "client", "ca", "martlet-client", "extendedKeyUsage=clientAuth\n")
    _leaf(path, "stranger", "other-ca", "stranger", "extendedKeyUsage=clientAuth\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make(sys.argv[1])
