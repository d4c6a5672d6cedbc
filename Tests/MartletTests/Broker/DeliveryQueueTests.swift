// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletTestPrograms
import Testing

@Suite(.timeLimit(.minutes(30))) struct DeliveryQueueTests {
    /// Messages that pause before they come again belong to the queue: with its last member they are gone.
    @Test func pausesEndWithTheLastMember() async throws {
        let queue = DeliveryQueue(topic: "t")
        let got = Recorder<Int>()
        let first = queue.join(concurrency: 4) {
            await got.add($0.deliveryCount)
            return .redeliver(after: .seconds(600))
        }
        let second = queue.join(concurrency: 4) { _ in .redeliver(after: .seconds(600)) }
        for _ in 0..<8 { #expect(queue.offer(BrokerMessage(body: [1]))) }
        queue.pump()
        #expect(try await eventually { queue.pausing == 8 })
        #expect(await queue.leave(first, limit: .seconds(10)))
        #expect(queue.pausing == 8)
        // It would wait for ten minutes, were they not cancelled.
        #expect(await !queue.leave(second, limit: .seconds(10)))
        #expect(queue.pausing == 0)

        // Who joins later gets none of them.
        let late = Recorder<Int>()
        let third = queue.join(concurrency: 1) {
            await late.add($0.deliveryCount)
            return .acknowledge
        }
        #expect(queue.offer(BrokerMessage(body: [2])))
        queue.pump()
        #expect(try await eventually { await late.values == [1] })
        await queue.leave(third, limit: .seconds(10))
    }

    @Test func messagesThatPauseComeAgain() async throws {
        let queue = DeliveryQueue(topic: "t")
        let got = Recorder<Int>()
        let member = queue.join(concurrency: 1) {
            await got.add($0.deliveryCount)
            return $0.deliveryCount < 4 ? .redeliver(after: .milliseconds($0.deliveryCount - 1)) : .acknowledge
        }
        #expect(queue.offer(BrokerMessage(body: [1])))
        queue.pump()
        #expect(try await eventually { await got.values == [1, 2, 3, 4] })
        #expect(queue.pausing == 0)
        await queue.leave(member, limit: .seconds(10))
    }
}
