// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MartletEtcdServer
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite struct LoopMailTests {
    @Test func arrivesInOrderAndInBatches() async throws {
        let (turns, each) = (100, 50)
        try await Self.withLoops { sender, receiver in
            let batches = Mutex<[[Int]]>([])
            let all = receiver.makePromise(of: Void.self)
            let mail = LoopMail<Int>(from: sender, to: receiver) { batch in
                let count = batches.withLock { batches in
                    batches.append(batch)
                    return batches.reduce(0) { $0 + $1.count }
                }
                if count == turns * each { all.succeed() }
            }
            for turn in 0..<turns {
                try await sender.submit {
                    for place in 0..<each { mail.send(turn * each + place) }
                }.get()
            }
            try await all.futureResult.get()
            let received = batches.withLock { $0 }
            #expect(received.flatMap { $0 } == Array(0..<turns * each))
            #expect(received.count <= turns)
        }
    }

    /// A receiver that takes nothing is noticed, and so is that it goes on.
    @Test func saysThatTheReceiverIsBehind() async throws {
        try await Self.withLoops { sender, receiver in
            let held = DispatchSemaphore(value: 0)
            let taken = receiver.makePromise(of: Int.self)
            let mail = LoopMail<Int>(from: sender, to: receiver) { taken.succeed($0.count) }
            receiver.execute { held.wait() }
            let limit = LoopMail<Int>.maximumWaiting
            try await sender.submit { for number in 0..<limit { mail.send(number) } }.get()
            #expect(try await sender.submit { mail.isBehind }.get() == false)
            try await sender.submit { mail.send(limit) }.get()
            #expect(try await sender.submit { mail.isBehind }.get())
            held.signal()
            #expect(try await taken.futureResult.get() == limit + 1)
            #expect(try await sender.submit { mail.isBehind }.get() == false)
            try await sender.submit { mail.send(0) }.get()
            #expect(try await sender.submit { mail.isBehind }.get() == false)
        }
    }

    private static func withLoops(_ body: (any EventLoop, any EventLoop) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        do {
            try await body(group.next(), group.next())
        } catch {
            Issue.record(error)
        }
        try await group.shutdownGracefully()
    }
}
