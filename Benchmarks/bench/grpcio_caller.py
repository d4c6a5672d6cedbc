# SPDX-License-Identifier: Apache-2.0
"""The peer of the framework's client: grpcio's, which goes round the same nodes by its own balancer.

usage: grpcio_caller.py FORM PORTS TASKS CALLS

FORM is asyncio (tasks of one event loop), threads (one a task, each waiting for its call) or futures (one thread that
keeps so many calls under way). PORTS have commas between them. Prints the rate, and the processor time of each call in
this process, after a tenth as many calls to warm up.
"""

import asyncio
import sys
import threading
import time

import grpc
import grpc.aio
from google.protobuf.wrappers_pb2 import StringValue

PATH = "/bench.fleet.Fleet/Hello"
TIMEOUT = 10
OPTIONS = [("grpc.lb_policy_name", "round_robin")]


def request():
    return StringValue(value="John")


def check(answer):
    if answer.value != "Hello John":
        raise RuntimeError(f"answered {answer}")


def method(channel):
    return channel.unary_unary(
        PATH, request_serializer=StringValue.SerializeToString, response_deserializer=StringValue.FromString)


def report(calls, measured):
    """Runs `measured` and prints what it took."""
    start, start_time = time.monotonic(), time.process_time()
    measured()
    elapsed, spent = time.monotonic() - start, time.process_time() - start_time
    print(f"calls/s {int(calls / elapsed)} cpu-us/call {spent / calls * 1e6}")


async def with_asyncio(target, tasks, each):
    async with grpc.aio.insecure_channel(target, options=OPTIONS) as channel:
        hello = method(channel)

        async def caller(count):
            for _ in range(count):
                check(await hello(request(), timeout=TIMEOUT))

        async def run(count):
            await asyncio.gather(*(caller(count) for _ in range(tasks)))

        await run(max(1, each // 10))
        start, start_time = time.monotonic(), time.process_time()
        await run(each)
        elapsed, spent = time.monotonic() - start, time.process_time() - start_time
    calls = tasks * each
    print(f"calls/s {int(calls / elapsed)} cpu-us/call {spent / calls * 1e6}")


def with_threads(target, tasks, each):
    with grpc.insecure_channel(target, options=OPTIONS) as channel:
        hello = method(channel)
        failures = []

        def caller(count):
            try:
                for _ in range(count):
                    check(hello(request(), timeout=TIMEOUT))
            except Exception as error:
                failures.append(error)

        def run(count):
            threads = [threading.Thread(target=caller, args=(count,)) for _ in range(tasks)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if failures:
                raise failures[0]

        run(max(1, each // 10))
        report(tasks * each, lambda: run(each))


def with_futures(target, tasks, each):
    with grpc.insecure_channel(target, options=OPTIONS) as channel:
        hello = method(channel)

        def run(calls):
            free, failures = threading.Semaphore(tasks), []

            def ended(future):
                try:
                    check(future.result())
                except Exception as error:
                    failures.append(error)
                free.release()

            for _ in range(calls):
                free.acquire()
                hello.future(request(), timeout=TIMEOUT).add_done_callback(ended)
            for _ in range(tasks):
                free.acquire()
            if failures:
                raise failures[0]

        run(max(1, tasks * each // 10))
        report(tasks * each, lambda: run(tasks * each))


def main():
    form, ports, tasks, calls = sys.argv[1], sys.argv[2].split(","), int(sys.argv[3]), int(sys.argv[4])
    target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
    each = max(1, calls // tasks)
    if form == "asyncio":
        asyncio.run(with_asyncio(target, tasks, each))
    else:
        {"threads": with_threads, "futures": with_futures}[form](target, tasks, each)


if __name__ == "__main__":
    main()
