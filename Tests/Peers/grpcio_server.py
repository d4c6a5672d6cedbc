#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Greeter test server on grpcio: the peer for our client, and the model for our own test server.

usage: grpcio_server.py --port 0 [--cert server.pem --key server.key [--client-ca ca.pem]]

Prints `listening <port>` when ready; ends on SIGTERM or when stdin closes. What every Greeter test server offers:

Paths /Greeter/Hello (unary), /Greeter/Count (server stream), /Greeter/Chat (bidirectional), /Greeter/Gather (client
stream); messages as in greeter_messages.py.

Every call: request metadata `x-initial-…` goes back in the response headers, `x-trailing-…` in the trailers (also when
the call fails): same key, all values in order; `-bin` keys carry bytes.

Hello, by request.name:
  anything else        greeting `Hello <name>`
  err:CODE:TEXT        status CODE (a number), message TEXT (the rest of the name, any Unicode)
  sleep:MS             waits, then `Hello sleep:MS`
  blob:N               greeting and a blob of N bytes, byte i is i mod 251
  exact:N              only a blob, so that the encoded response is exactly N bytes
  len:…                greeting `len <UTF-8 bytes of the name>`, nothing else
  gzip:N               a blob of N zero bytes; that response is compressed with gzip if the client accepts it
  wait:KEY             waits until cancelled or past its deadline (30 s at most), then remembers KEY as cancelled
  cancelled:KEY        greeting `yes` if KEY is remembered, else `no`
  health:Greeter:S     sets the health status of Greeter to S (SERVING, NOT_SERVING), then greets
  The response's metadata holds the request's custom metadata (keys in lower case, repeated values joined by ", ",
  -bin values in hex), and deadline_left_ns what is left of the deadline (0: none); not so for exact, len and gzip.
Count: 0..<upto, pause_ms before each but the first; upto below 0 is status 3 `upto is negative`; request metadata
  `x-fail-after: K` ends it after K messages with status 10 `stopped after K`.
Chat: echoes each message as it comes, initial metadata at once; text `err:CODE:TEXT` ends the call so.
Gather: one message, texts joined by ",", seqs added up; text `err:CODE:TEXT` ends the call so at once.
Messages up to 4 MiB are accepted. Beside it: grpc.health.v1 (services "" and Greeter), reflection v1alpha and v1.
"""

import argparse
import signal
import sys
import threading
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

import greeter_messages as messages

CODES = {code.value[0]: code for code in grpc.StatusCode}
# Waiting calls hold a thread each: a thousand at once is one of the cases.
THREADS = 1100
LONGEST_WAIT_SECONDS = 30
# Without a deadline some versions of grpcio report centuries instead of None.
LONGEST_DEADLINE_SECONDS = 10 * 365 * 86400


def custom_metadata(context):
    joined = {}
    for key, value in context.invocation_metadata():
        text = value.hex() if isinstance(value, bytes) else value
        joined[key] = f"{joined[key]}, {text}" if key in joined else text
    return joined


def start_call(context):
    """Sends the initial metadata that was asked for and sets the trailers."""
    sent = list(context.invocation_metadata())
    context.set_trailing_metadata([pair for pair in sent if pair[0].startswith("x-trailing-")])
    context.send_initial_metadata([pair for pair in sent if pair[0].startswith("x-initial-")])


def abort_if_asked(context, text):
    if text.startswith("err:"):
        _, code, detail = text.split(":", 2)
        context.abort(CODES[int(code)], detail)


class Greeter:
    def __init__(self, health_servicer):
        self.health = health_servicer
        self.cancelled = set()

    def Hello(self, request, context):
        command, _, argument = request.name.partition(":")
        if command == "gzip":
            context.set_compression(grpc.Compression.Gzip)
        start_call(context)
        abort_if_asked(context, request.name)
        if command == "gzip":
            return messages.HelloResponse(blob=bytes(int(argument)))
        if command == "exact":
            return messages.HelloResponse(blob=messages.blob_for_exact_size(int(argument)))
        if command == "len":
            return messages.HelloResponse(greeting=f"len {len(request.name.encode())}")
        if command == "cancelled":
            return messages.HelloResponse(greeting="yes" if argument in self.cancelled else "no")

        left = context.time_remaining()
        if left is not None and left > LONGEST_DEADLINE_SECONDS:
            left = None
        response = messages.HelloResponse(greeting=f"Hello {request.name}")
        response.deadline_left_ns = int(left * 1e9) if left is not None else 0
        response.metadata.update(custom_metadata(context))
        if command == "sleep":
            self.pause(context, int(argument) / 1000)
        elif command == "blob":
            response.blob = messages.pattern(int(argument))
        elif command == "wait":
            if self.pause(context, LONGEST_WAIT_SECONDS):
                self.cancelled.add(argument)
            context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "waited long enough")
        elif command == "health":
            service, status = argument.split(":")
            self.health.set(service, health_pb2.HealthCheckResponse.ServingStatus.Value(status))
        return response

    def Count(self, request, context):
        start_call(context)
        if request.upto < 0:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "upto is negative")
        limit = custom_metadata(context).get("x-fail-after")
        for value in range(request.upto):
            if limit is not None and value == int(limit):
                context.abort(grpc.StatusCode.ABORTED, f"stopped after {limit}")
            if value > 0 and request.pause_ms > 0 and self.pause(context, request.pause_ms / 1000):
                return
            yield messages.CountResponse(value=value)

    def Chat(self, requests, context):
        start_call(context)
        for message in requests:
            abort_if_asked(context, message.text)
            yield message

    def Gather(self, requests, context):
        start_call(context)
        texts, total = [], 0
        for message in requests:
            abort_if_asked(context, message.text)
            texts.append(message.text)
            total += message.seq
        return messages.ChatMessage(text=",".join(texts), seq=total)

    @staticmethod
    def pause(context, seconds):
        """Waits; true when the call ended before the time was over."""
        ended = threading.Event()
        if not context.add_callback(ended.set):
            return True
        return ended.wait(seconds)


def greeter_handlers(greeter):
    handlers = {}
    for name, (request, response, client_streams, server_streams) in messages.METHODS.items():
        make = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[(client_streams, server_streams)]
        handlers[name] = make(
            getattr(greeter, name),
            request_deserializer=messages.message_class(request).FromString,
            response_serializer=messages.message_class(response).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(messages.SERVICE, handlers)


def reflection_v1_handler(servicer):
    """v1 has v1alpha's messages under another name."""
    from grpc_reflection.v1alpha import reflection_pb2

    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(
        "grpc.reflection.v1.ServerReflection", {"ServerReflectionInfo": handler}
    )


def credentials(arguments):
    with open(arguments.key, "rb") as key, open(arguments.cert, "rb") as certificate:
        pair = (key.read(), certificate.read())
    if arguments.client_ca is None:
        return grpc.ssl_server_credentials([pair])
    with open(arguments.client_ca, "rb") as authority:
        return grpc.ssl_server_credentials([pair], authority.read(), require_client_auth=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--client-ca")
    arguments = parser.parse_args()

    options = [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", messages.RECEIVE_LIMIT),
        ("grpc.max_send_message_length", -1),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=THREADS), options=options)
    health_servicer = health.HealthServicer()
    for service in ("", messages.SERVICE):
        health_servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    names = (messages.SERVICE, "grpc.health.v1.Health", reflection.SERVICE_NAME, "grpc.reflection.v1.ServerReflection")
    reflection.enable_server_reflection(names, server)
    server.add_generic_rpc_handlers(
        (greeter_handlers(Greeter(health_servicer)), reflection_v1_handler(reflection.ReflectionServicer(names)))
    )
    address = f"127.0.0.1:{arguments.port}"
    if arguments.cert is None:
        port = server.add_insecure_port(address)
    else:
        port = server.add_secure_port(address, credentials(arguments))
    server.start()
    print(f"listening {port}", flush=True)

    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    while not over.is_set():
        over.wait(1)  # in slices, so that the signal handler gets its turn
    server.stop(grace=0.2).wait()


if __name__ == "__main__":
    main()
