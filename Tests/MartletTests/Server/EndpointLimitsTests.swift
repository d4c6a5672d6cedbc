// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Martlet
import MartletTestPrograms
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(30))) struct EndpointLimitsTests {
    @Test func bucketGivesItsBurstAndThenItsRate() {
        var bucket = TokenBucket(RateLimit(perSecond: 10, burst: 3), atNanoseconds: 1_000)
        func take(_ now: UInt64...) -> [Bool] { now.map { bucket.take(atNanoseconds: $0) } }
        let first = take(1_000, 1_000, 1_000, 1_000, 1_000 + 99_000_000)
        #expect(first == [true, true, true, false, false])
        let second = take(1_000 + 100_000_000, 1_000 + 100_000_000)
        #expect(second == [true, false])
        // A long quiet time fills it to the burst and no further; a clock that goes back gives nothing.
        let later: UInt64 = 3_600_000_000_000
        let third = take(later, later, later, later, 5)
        #expect(third == [true, true, true, false, false])
    }

    @Test func bucketNeverGivesMoreThanItsRate() {
        var random = SplitMix(state: testSeed())
        for _ in 0..<50 {
            let limit = RateLimit(perSecond: Double(1 + random.next(1000)), burst: 1 + random.next(20))
            var bucket = TokenBucket(limit, atNanoseconds: 0)
            var now: UInt64 = 0
            var taken = 0
            for _ in 0..<500 {
                now += UInt64(random.next(5_000_000))
                if bucket.take(atNanoseconds: now) { taken += 1 }
            }
            #expect(Double(taken) <= Double(limit.burst) + Double(now) / 1e9 * limit.perSecond + 1)
            // Whoever asks this often gets about all of the slow rates.
            if limit.perSecond < 100 { #expect(Double(taken) >= Double(now) / 1e9 * limit.perSecond * 0.8) }
        }
    }

    @Test func rateIsASecondsWorthUnlessToldOtherwise() {
        #expect(RateLimit(perSecond: 2.5).burst == 3)
        #expect(RateLimit(perSecond: 0.1).burst == 1)
    }

    static func failure(_ body: () async throws -> Void) async -> MicroError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? MicroError
        }
    }

    @Test func callsAboveTheConcurrencyLimitAreRefused() async throws {
        let registry = InMemoryRegistry()
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (release, go) = AsyncStream.makeStream(of: Void.self)
        var service = MicroService("test.limits", registry: registry)
        service.limit("Plain.Wait") { $0.maximumConcurrentCalls = 1 }
        service.handle("Plain.Wait") { (request: Number, context) in
            start.yield()
            for await _ in release { break }
            return request
        }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                async let first: Number = client.call("test.limits", "Plain.Wait", Number(value: 1))
                for await _ in started { break }
                let error = await Self.failure {
                    let _: Number = try await client.call("test.limits", "Plain.Wait", Number(value: 2))
                }
                #expect(error?.code == .tooManyRequests)
                #expect(error?.grpcStatusCode == 8)
                #expect(error?.id == "test.limits")
                go.yield()
                let answer = try await first
                #expect(answer == Number(value: 1))
                // The place is free again.
                async let third: Number = client.call("test.limits", "Plain.Wait", Number(value: 3))
                go.yield()
                #expect(try await third == Number(value: 3))
            }
        }
    }

    /// A call that is one too many is told so at once, also where no thread is free for the handler.
    @Test func refusalsNeedNoThread() async throws {
        let registry = InMemoryRegistry()
        let executor = HoldingExecutor()
        var service = MicroService("test.limits", registry: registry)
        service.limit("Plain.Held") { $0.maximumConcurrentCalls = 1 }
        service.handle("Plain.Held", on: .custom(executor)) { (request: Number, context) in request }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { (client) async throws in
                async let first: Number = client.call("test.limits", "Plain.Held", Number(value: 1))
                #expect(try await eventually { executor.isHolding })
                let error = await Self.failure {
                    let _: Number = try await client.call("test.limits", "Plain.Held", Number(value: 2))
                }
                #expect(error?.code == .tooManyRequests)
                executor.release()
                #expect(try await first == Number(value: 1))
            }
        }
    }

    @Test func callsAboveTheRateAreRefused() async throws {
        let registry = InMemoryRegistry()
        var service = MicroService("test.limits", registry: registry)
        service.configuration.limits.rate = RateLimit(perSecond: 0.001, burst: 2)
        service.handle("Plain.Echo") { (request: Number, context) in request }
        service.handle("Plain.Free") { (request: Number, context) in request }
        service.limit("Plain.Free") { _ in }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                var codes: [MicroError.Code?] = []
                for value in 0..<4 {
                    let error = await Self.failure {
                        let _: Number = try await client.call("test.limits", "Plain.Echo", Number(value: value))
                    }
                    codes.append(error?.code)
                    let free: Number = try await client.call("test.limits", "Plain.Free", Number(value: value))
                    #expect(free.value == value)
                }
                #expect(codes == [nil, nil, .tooManyRequests, .tooManyRequests])
                // Tools may always look.
                for _ in 0..<5 { _ = try await client.call("test.limits", "Debug.Health", json: "{}") }
            }
        }
    }

    @Test func endpointsOwnTimeLimitEndsTheCall() async throws {
        let registry = InMemoryRegistry()
        let cancelled = Recorder<Bool>()
        var service = MicroService("test.limits", registry: registry)
        service.limit("Plain.Slow") { $0.timeout = .milliseconds(50) }
        service.handle("Plain.Slow") { (request: Number, context) -> Number in
            #expect(context.deadline != nil)
            do {
                try await Task.sleep(for: .seconds(1_200))
            } catch {
                await cancelled.add(true)
            }
            return request
        }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let error = await Self.failure {
                    let _: Number = try await client.call("test.limits", "Plain.Slow", Number(value: 1)) {
                        $0.timeout = .seconds(1_200)
                    }
                }
                #expect(error?.code == .timeout)
                let isCancelled = try await eventually { await cancelled.values == [true] }
                #expect(isCancelled)
            }
        }
    }
}

/// Keeps its jobs until it is told to run them.
private final class HoldingExecutor: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isReleased = false
    }

    private let state = Mutex(State())

    var isHolding: Bool { self.state.withLock { !$0.jobs.isEmpty } }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let runs = self.state.withLock { state in
            if !state.isReleased { state.jobs.append(job) }
            return state.isReleased
        }
        if runs { self.run(job) }
    }

    func release() {
        let jobs = self.state.withLock { state in
            defer { state.jobs = [] }
            state.isReleased = true
            return state.jobs
        }
        for job in jobs { self.run(job) }
    }

    private func run(_ job: UnownedJob) {
        DispatchQueue.global().async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
