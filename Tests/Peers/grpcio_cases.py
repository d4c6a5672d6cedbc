# SPDX-License-Identifier: Apache-2.0
"""The cases of grpcio_client.py: each takes a Context, judges the server's answers and raises on a wrong one."""

import contextlib
import threading
import time

import grpc
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

import greeter_messages as messages
from counting_proxy import CountingProxy

# Long enough for a slow machine, short enough that a hanging case ends the run.
CASE_SECONDS = 200
CALLS_AT_ONCE = 1000
LIMIT = messages.RECEIVE_LIMIT
UNICODE = "größe 漢字 🐦 100% a%20b\tend"


class Greeter:
    """Callables of the four methods on one channel."""

    def __init__(self, channel):
        for name, (request, response, client_streams, server_streams) in messages.METHODS.items():
            kind = f"{'stream' if client_streams else 'unary'}_{'stream' if server_streams else 'unary'}"
            call = getattr(channel, kind)(
                f"/{messages.SERVICE}/{name}",
                request_serializer=messages.message_class(request).SerializeToString,
                response_deserializer=messages.message_class(response).FromString,
            )
            setattr(self, name, call)


class Context:
    def __init__(self, address, credentials):
        self.address = address
        self.credentials = credentials
        self.channel = self.connect()
        self.greeter = Greeter(self.channel)

    def connect(self, address=None, options=(), credentials=None):
        # A pool of its own for each channel: else grpcio shares connections between equal channels.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", LIMIT), *options]
        credentials = credentials or self.credentials
        if credentials is None:
            return grpc.insecure_channel(address or self.address, options=options)
        return grpc.secure_channel(address or self.address, credentials, options=options)

    def hello(self, name, **options):
        return self.greeter.Hello(messages.HelloRequest(name=name), **{"timeout": CASE_SECONDS, **options})


CASES = {}


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


def equal(got, wanted, what="value"):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r:.300}, wanted {wanted!r:.300}")


def fails(call, code, message=None):
    """Runs `call`, which must end in the status; returns the error."""
    try:
        call()
    except grpc.RpcError as error:
        equal(error.code(), code, f"status ({error.details()!r:.200})")
        if message is not None:
            equal(error.details(), message, "message")
        return error
    raise AssertionError(f"no error, wanted {code.name}")


def is_cancelled_soon(c, key):
    """Whether the server hears within some seconds that the call which waits under this key is over."""
    for _ in range(100):
        if c.hello(f"cancelled:{key}").greeting == "yes":
            return True
        time.sleep(0.02)
    return False


def chat(*texts):
    return [messages.ChatMessage(text=text, seq=index) for index, text in enumerate(texts)]


def pairs(metadata, prefix):
    return [(key, value) for key, value in metadata if key.startswith(prefix)]


# --- the four kinds


@case
def unary(c):
    equal(c.hello("John").greeting, "Hello John")
    equal(c.hello("").greeting, "Hello ")


@case
def server_stream(c):
    for upto in (0, 1, 3, 1000):
        answer = c.greeter.Count(messages.CountRequest(upto=upto), timeout=CASE_SECONDS)
        equal([m.value for m in answer], list(range(upto)))


@case
def client_stream(c):
    answer = c.greeter.Gather(iter(chat("a", "b", "c")), timeout=CASE_SECONDS)
    equal((answer.text, answer.seq), ("a,b,c", 3))
    equal(c.greeter.Gather(iter([]), timeout=CASE_SECONDS).text, "")
    equal(c.greeter.Gather(iter(chat(*["x"] * 1000)), timeout=CASE_SECONDS).seq, 499500)


@case
def bidirectional_stream(c):
    sent = chat(*[f"text {i}" for i in range(1000)])
    got = list(c.greeter.Chat(iter(sent), timeout=CASE_SECONDS))
    equal([(m.text, m.seq) for m in got], [(m.text, m.seq) for m in sent])
    equal(list(c.greeter.Chat(iter([]), timeout=CASE_SECONDS)), [])


@case
def bidirectional_turn_by_turn(c):
    """Each echo must come before the next message is sent: nothing may wait for the half-close."""
    turn = threading.Semaphore(0)

    def requests():
        for message in chat("one", "two", "three"):
            yield message
            turn.acquire(timeout=CASE_SECONDS)

    got = []
    for message in c.greeter.Chat(requests(), timeout=CASE_SECONDS):
        got.append(message.text)
        turn.release()
    equal(got, ["one", "two", "three"])


@case
def server_stream_is_not_held_back(c):
    """The first of two messages comes well before the second; a busy machine needs them further apart to see it."""
    for pause in [0.5, 4, 30]:
        count = messages.CountRequest(upto=2, pause_ms=int(pause * 1000))
        times = [time.monotonic() for _ in c.greeter.Count(count)]
        if times[1] - times[0] > pause / 2:
            return
    raise AssertionError(f"messages came {times[1] - times[0]} s apart")


# --- deadlines and cancellation


@case
def deadline_is_seen(c):
    left = c.hello("John", timeout=3000).deadline_left_ns
    if not 1_500_000_000_000 < left <= 3_030_000_000_000:  # grpcio rounds the header up, by up to a hundredth
        raise AssertionError(f"deadline left {left} ns of 3000 s")
    equal(c.hello("John", timeout=None).deadline_left_ns, 0, "without a deadline")


@case
def deadline_passes(c):
    start = time.monotonic()
    fails(lambda: c.hello("sleep:60000", timeout=0.3), grpc.StatusCode.DEADLINE_EXCEEDED)
    if time.monotonic() - start > 55:
        raise AssertionError(f"took {time.monotonic() - start:.2f} s")
    equal(c.hello("sleep:50", timeout=CASE_SECONDS).greeting, "Hello sleep:50")


@case
def deadline_passes_in_a_stream(c):
    # A handler that had no turn in time sends less: then it gets longer.
    for limit in [2.05, 20.05, 95.05]:
        got = []

        def run():
            for message in c.greeter.Count(messages.CountRequest(upto=1000, pause_ms=100), timeout=limit):
                got.append(message.value)

        fails(run, grpc.StatusCode.DEADLINE_EXCEEDED)
        if len(got) > limit * 10 + 1:
            raise AssertionError(f"{len(got)} messages within {limit} s, one each 0.1 s")
        if len(got) >= 2:
            return
    raise AssertionError(f"{len(got)} messages within {limit} s, one each 0.1 s")


@case
def deadline_reaches_the_handler(c):
    key = f"deadline-{time.time_ns()}"
    # A call whose time is over before it comes to its handler shows nothing: then another has longer.
    for limit in [0.2, 2, 20]:  # less than a handler waits by itself
        fails(lambda: c.hello(f"wait:{key}", timeout=limit), grpc.StatusCode.DEADLINE_EXCEEDED)
        if is_cancelled_soon(c, key):
            return
    raise AssertionError("the handler never saw its deadline")


@case
def cancellation_reaches_the_handler(c):
    # A call that is cancelled before it comes to its handler shows nothing: then another has longer.
    for pause in [0.2, 2, 10]:
        # A key of its own: the one before may be remembered late.
        key = f"cancel-{time.time_ns()}"
        call = c.greeter.Hello.future(messages.HelloRequest(name=f"wait:{key}"), timeout=CASE_SECONDS)
        time.sleep(pause)
        equal(c.hello(f"cancelled:{key}").greeting, "no", "before")
        call.cancel()
        equal(call.code(), grpc.StatusCode.CANCELLED)
        if is_cancelled_soon(c, key):
            return
    raise AssertionError("the handler was never cancelled")


@case
def cancellation_of_streams(c):
    count = c.greeter.Count(messages.CountRequest(upto=1000, pause_ms=20), timeout=CASE_SECONDS)
    equal(next(count).value, 0)
    count.cancel()
    fails(lambda: list(count), grpc.StatusCode.CANCELLED)
    hold = threading.Event()

    def requests():
        yield chat("a")[0]
        hold.wait(CASE_SECONDS)

    conversation = c.greeter.Chat(requests(), timeout=CASE_SECONDS)
    equal(next(conversation).text, "a")
    conversation.cancel()
    fails(lambda: list(conversation), grpc.StatusCode.CANCELLED)
    hold.set()
    equal(c.hello("John").greeting, "Hello John", "the connection after it")


# --- metadata


@case
def metadata_is_seen(c):
    sent = [("x-one", "1"), ("x-two", "a"), ("x-two", "b"), ("x-raw-bin", b"\x00\xff\x80,"), ("x-empty-bin", b"")]
    seen = c.hello("John", metadata=sent).metadata
    got = {key: seen[key] for key in ("x-one", "x-two", "x-raw-bin", "x-empty-bin") if key in seen}
    equal(got, {"x-one": "1", "x-two": "a, b", "x-raw-bin": "00ff802c", "x-empty-bin": ""}, "metadata in the handler")


@case
def metadata_comes_back(c):
    headers = [("x-initial-a", "1"), ("x-initial-a", "2"), ("x-initial-b-bin", bytes(range(256)))]
    trailers = [("x-trailing-a", "x y"), ("x-trailing-a", "z")]
    trailers += [("x-trailing-b-bin", b"\xff"), ("x-trailing-b-bin", b"")]
    request = messages.HelloRequest(name="John")
    _, call = c.greeter.Hello.with_call(request, metadata=headers + trailers, timeout=CASE_SECONDS)
    equal(pairs(call.initial_metadata(), "x-"), headers, "initial metadata")
    equal(sorted(pairs(call.trailing_metadata(), "x-")), sorted(trailers), "trailers")
    streams = {
        "Count": c.greeter.Count(messages.CountRequest(upto=2), metadata=headers + trailers, timeout=CASE_SECONDS),
        "Chat": c.greeter.Chat(iter(chat("a")), metadata=headers + trailers, timeout=CASE_SECONDS),
    }
    for name, call in streams.items():
        equal(pairs(call.initial_metadata(), "x-"), headers, f"{name}: initial metadata")
        list(call)
        equal(sorted(pairs(call.trailing_metadata(), "x-")), sorted(trailers), f"{name}: trailers")


@case
def initial_metadata_comes_first(c):
    """A bidirectional call's headers come before the client has sent a message."""
    hold = threading.Event()

    def requests():
        hold.wait(CASE_SECONDS)
        yield chat("late")[0]

    call = c.greeter.Chat(requests(), metadata=[("x-initial-early", "yes")], timeout=CASE_SECONDS)
    equal(pairs(call.initial_metadata(), "x-"), [("x-initial-early", "yes")])
    hold.set()
    equal([m.text for m in call], ["late"])


@case
def trailers_come_with_an_error(c):
    sent = [("x-trailing-why", "because"), ("x-trailing-raw-bin", b"\x01\x02\x03")]
    error = fails(lambda: c.hello("err:9:no", metadata=sent), grpc.StatusCode.FAILED_PRECONDITION, "no")
    equal(sorted(pairs(error.trailing_metadata(), "x-")), sorted(sent))


@case
def large_metadata(c):
    value = "v" * 6000  # grpcio's own soft limit is 8 KiB
    equal(c.hello("John", metadata=[("x-large", value)]).metadata["x-large"], value)


# --- errors


@case
def every_status_code(c):
    for code in grpc.StatusCode:
        if code is not grpc.StatusCode.OK:
            fails(lambda: c.hello(f"err:{code.value[0]}:number {code.value[0]}"), code, f"number {code.value[0]}")


@case
def error_messages(c):
    for text in ("", "a:b:c", "100%", "%", "%zz", " spaces ", "two\nlines\r\n", "\x01\x7f", UNICODE, "x" * 3000):
        error = fails(lambda: c.hello(f"err:3:{text}"), grpc.StatusCode.INVALID_ARGUMENT)
        equal(error.details() or "", text, "message")


@case
def errors_in_streams(c):
    invalid, aborted = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ABORTED
    fails(lambda: list(c.greeter.Count(messages.CountRequest(upto=-1))), invalid, "upto is negative")
    got = []

    def run():
        for message in c.greeter.Count(messages.CountRequest(upto=9), metadata=[("x-fail-after", "4")]):
            got.append(message.value)

    fails(run, aborted, "stopped after 4")
    equal(got, [0, 1, 2, 3], "messages before the error")
    got = []

    def talk():
        for message in c.greeter.Chat(iter(chat("a", f"err:10:{UNICODE}", "c")), timeout=CASE_SECONDS):
            got.append(message.text)

    fails(talk, aborted, UNICODE)
    equal(got, ["a"])


@case
def error_before_the_half_close(c):
    """The server ends a client stream that is still open; the call is over at once."""
    hold = threading.Event()

    def requests():
        yield from chat("a", "err:10:enough")
        hold.wait(CASE_SECONDS)

    start = time.monotonic()
    fails(lambda: c.greeter.Gather(requests(), timeout=CASE_SECONDS), grpc.StatusCode.ABORTED, "enough")
    hold.set()
    if time.monotonic() - start > 5:
        raise AssertionError("waited for the half-close")


@case
def unknown_method_and_service(c):
    for path in ("/Greeter/Nope", "/Nobody/Hello", "/a.b.Nobody/Hello"):
        fails(lambda: c.channel.unary_unary(path)(b"", timeout=CASE_SECONDS), grpc.StatusCode.UNIMPLEMENTED)


@case
def malformed_message(c):
    """Bytes that are no HelloRequest end the call in an error of the server's choice; the connection stays."""
    try:
        c.channel.unary_unary("/Greeter/Hello")(b"\x0a\xff\xff", timeout=CASE_SECONDS)
        raise AssertionError("no error")
    except grpc.RpcError as error:
        if error.code() in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise AssertionError(f"{error.code()} {error.details()}") from None
    equal(c.hello("John").greeting, "Hello John")


# --- sizes


def sized_name(size):
    """A name whose HelloRequest is encoded in exactly `size` bytes."""
    for length_of_varint in range(1, 6):
        name = ("len:" + "x" * size)[: size - 1 - length_of_varint]
        if messages.HelloRequest(name=name).ByteSize() == size:
            return name
    raise ValueError(size)


@case
def four_mebibytes_up(c):
    name = sized_name(LIMIT)
    equal(c.hello(name).greeting, f"len {len(name)}")
    error = fails(lambda: c.hello(sized_name(LIMIT + 1)), grpc.StatusCode.RESOURCE_EXHAUSTED)
    if f"{LIMIT + 1}" not in error.details():
        raise AssertionError(f"the message does not name the size: {error.details()}")
    equal(c.hello("John").greeting, "Hello John", "the connection after it")


@case
def four_mebibytes_down(c):
    response = c.hello(f"exact:{LIMIT}")
    equal(response.ByteSize(), LIMIT)
    if response.blob != messages.pattern(len(response.blob)):
        raise AssertionError("the bytes differ")
    fails(lambda: c.hello(f"exact:{LIMIT + 1}"), grpc.StatusCode.RESOURCE_EXHAUSTED)
    equal(c.hello("John").greeting, "Hello John", "the connection after it")


@case
def many_sizes(c):
    for size in (8, 100, 16383, 16384, 16385, 65534, 65535, 65536, 1_000_000):
        equal(c.hello(f"exact:{size}").ByteSize(), size)
        name = sized_name(size)
        equal(c.hello(name).greeting, f"len {len(name)}" if name.startswith("len:") else f"Hello {name}")


@case
def megabytes_in_a_stream(c):
    text = "t" * 1_000_000
    got = list(c.greeter.Chat(iter(chat(*[text] * 20)), timeout=CASE_SECONDS))
    equal([m.seq for m in got], list(range(20)))
    equal({m.text == text for m in got}, {True})


# --- compression


@contextlib.contextmanager
def counted(c):
    if c.credentials is not None:
        raise Skip("bytes are counted without TLS only")
    proxy = CountingProxy(c.address)
    channel = c.connect(proxy.address)
    try:
        yield Greeter(channel), proxy
    finally:
        channel.close()
        proxy.close()


class Skip(Exception):
    pass


@case
def gzip_up(c):
    size = 1_000_000
    with counted(c) as (greeter, proxy):
        request = messages.HelloRequest(name="len:" + "z" * size)
        plain = greeter.Hello(request, timeout=CASE_SECONDS)
        before = proxy.up
        packed = greeter.Hello(request, timeout=CASE_SECONDS, compression=grpc.Compression.Gzip)
        equal(packed.greeting, plain.greeting)
        if before < size or proxy.up - before > size / 10:
            raise AssertionError(f"{before} bytes plain, {proxy.up - before} with gzip")
        sent = chat(*["y" * size] * 3)
        got = list(greeter.Chat(iter(sent), timeout=CASE_SECONDS, compression=grpc.Compression.Gzip))
        equal([len(m.text) for m in got], [size] * 3, "a compressed stream")


@case
def gzip_down(c):
    size = 1_000_000
    with counted(c) as (greeter, proxy):
        blob = greeter.Hello(messages.HelloRequest(name=f"gzip:{size}"), timeout=CASE_SECONDS).blob
        equal(blob, bytes(size))
        if proxy.down > size / 10:
            raise AssertionError(f"{proxy.down} bytes came: not compressed")


@case
def gzip_bomb(c):
    """The limit counts unpacked bytes."""
    request = messages.HelloRequest(name="len:" + "z" * (LIMIT + 1))

    def call():
        c.greeter.Hello(request, timeout=CASE_SECONDS, compression=grpc.Compression.Gzip)

    fails(call, grpc.StatusCode.RESOURCE_EXHAUSTED)
    equal(c.hello("John").greeting, "Hello John", "the connection after it")


# --- load


@case
def a_thousand_at_once(c):
    calls = [
        c.greeter.Hello.future(messages.HelloRequest(name=f"sleep:{i % 50}"), timeout=CASE_SECONDS)
        for i in range(CALLS_AT_ONCE)
    ]
    for i, call in enumerate(calls):
        equal(call.result().greeting, f"Hello sleep:{i % 50}")


@case
def many_channels(c):
    channels = [c.connect() for _ in range(20)]
    for index, channel in enumerate(channels):
        answer = Greeter(channel).Hello(messages.HelloRequest(name=str(index)), timeout=CASE_SECONDS)
        equal(answer.greeting, f"Hello {index}")
    for channel in channels:
        channel.close()


# --- health and reflection


@case
def health_check(c):
    stub = health_pb2_grpc.HealthStub(c.channel)
    for service in ("", "Greeter"):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=CASE_SECONDS)
        equal(answer.status, health_pb2.HealthCheckResponse.SERVING, f"health of {service!r}")
    request = health_pb2.HealthCheckRequest(service="nobody")
    fails(lambda: stub.Check(request, timeout=CASE_SECONDS), grpc.StatusCode.NOT_FOUND)


@case
def health_watch(c):
    status = health_pb2.HealthCheckResponse
    stub = health_pb2_grpc.HealthStub(c.channel)
    watch = stub.Watch(health_pb2.HealthCheckRequest(service="Greeter"), timeout=CASE_SECONDS)
    equal(next(watch).status, status.SERVING)
    c.hello("health:Greeter:NOT_SERVING")
    try:
        equal(next(watch).status, status.NOT_SERVING)
        check = stub.Check(health_pb2.HealthCheckRequest(service="Greeter"), timeout=CASE_SECONDS)
        equal(check.status, status.NOT_SERVING, "check")
    finally:
        c.hello("health:Greeter:SERVING")
    equal(next(watch).status, status.SERVING)
    watch.cancel()
    unknown = stub.Watch(health_pb2.HealthCheckRequest(service="nobody"), timeout=1)
    equal(next(unknown).status, status.SERVICE_UNKNOWN)
    fails(lambda: next(unknown), grpc.StatusCode.DEADLINE_EXCEEDED)


def reflect(c, version, *requests):
    call = c.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    return list(call(iter(requests), timeout=CASE_SECONDS))


def check_reflection(c, version):
    request = reflection_pb2.ServerReflectionRequest
    listing, symbol, message, unknown, file = reflect(
        c,
        version,
        request(host="localhost", list_services=""),
        request(file_containing_symbol="Greeter"),
        request(file_containing_symbol="HelloResponse"),
        request(file_containing_symbol="no.such.Symbol"),
        request(file_by_filename="no-such-file.proto"),
    )
    names = [service.name for service in listing.list_services_response.service]
    for name in ("Greeter", "grpc.health.v1.Health"):
        if name not in names:
            raise AssertionError(f"{name} is not among {names}")
    equal(listing.original_request.host, "localhost", "original request")
    for answer in (symbol, message):
        files = [
            descriptor_pb2.FileDescriptorProto.FromString(raw)
            for raw in answer.file_descriptor_response.file_descriptor_proto
        ]
        services = [service for one in files for service in one.service if service.name == "Greeter"]
        equal(len(services), 1, "descriptors of Greeter")
        methods = {m.name: (m.client_streaming, m.server_streaming) for m in services[0].method}
        equal(methods, {name: kind[2:] for name, kind in messages.METHODS.items()}, "its methods")
    for answer in (unknown, file):
        equal(answer.error_response.error_code, grpc.StatusCode.NOT_FOUND.value[0], "unknown symbol or file")


@case
def reflection_v1alpha(c):
    check_reflection(c, "v1alpha")


@case
def reflection_v1(c):
    check_reflection(c, "v1")


# --- the connection


@case
def idle_pings(c):
    """A client whose keepalive pings every second during a quiet stream is not sent away."""
    options = [
        ("grpc.keepalive_time_ms", 1000),
        ("grpc.keepalive_timeout_ms", 2000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    channel = c.connect(options=options)
    stream = Greeter(channel).Count(messages.CountRequest(upto=3, pause_ms=1500), timeout=CASE_SECONDS)
    equal([m.value for m in stream], [0, 1, 2])
    channel.close()
