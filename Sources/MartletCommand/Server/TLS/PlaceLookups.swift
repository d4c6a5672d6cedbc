// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import NIOPosix
import Synchronization

/// Runs the comparisons of certificates' places that ask name servers, of all connections of the process together.
///
/// Asking blocks a thread, for seconds where a name server is silent, and can't be called off. So it has threads of its
/// own, and whoever comes while all that may wait for them do is refused: a member tries again.
package final class PlaceLookups: Sendable {
    package static let shared = PlaceLookups(on: pool)

    /// Names are mostly found in milliseconds, in a file of the machine.
    private static let threads = 8
    /// Connections that are compared or wait for it: more than all members of a cluster make at once.
    package static let underwayMax = 64
    /// From the connection's handshake to the answer. Name servers' own patience, of one question, is mostly five.
    package static let patience = TimeAmount.seconds(10)

    /// Never ends.
    private static let pool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
        return pool
    }()

    private let pool: NIOThreadPool
    private let underwayMax: Int
    private let patience: TimeAmount
    private let underway = Mutex(0)

    /// - Parameter pool: its threads are blocked.
    package init(
        on pool: NIOThreadPool, underwayMax: Int = PlaceLookups.underwayMax,
        patience: TimeAmount = PlaceLookups.patience
    ) {
        (self.pool, self.underwayMax, self.patience) = (pool, underwayMax, patience)
    }

    /// How many are under way, those that nobody waits for any more among them.
    package var count: Int { underway.withLock { $0 } }

    /// Runs `comparison` on a thread where that may block. It is told when nobody will wait for it any more.
    ///
    /// - Throws: ``CertificatePlace/Elsewhere`` where too many are under way. The future fails so where it takes too
    ///   long.
    func run(
        on loop: any EventLoop,
        _ comparison: @escaping @Sendable (_ end: NIODeadline) throws -> Void
    ) throws -> EventLoopFuture<Void> {
        let isWelcome = underway.withLock { count in
            guard count < underwayMax else { return false }
            count += 1
            return true
        }
        guard isWelcome else {
            throw CertificatePlace.Elsewhere(
                description: "tls: \(underwayMax) certificates' hosts are being looked up already")
        }
        let end = NIODeadline.now() + patience
        let answer = loop.makePromise(of: Void.self)
        // Of the two that answer the second is not heard.
        let timeout = loop.scheduleTask(deadline: end) {
            answer.fail(CertificatePlace.Elsewhere.unasked)
        }
        pool.runIfActive(eventLoop: loop) {
            // The thread is free then, whoever has waited for it.
            defer { self.underway.withLock { $0 -= 1 } }
            try comparison(end)
        }.whenComplete { result in
            timeout.cancel()
            answer.completeWith(result)
        }
        return answer.futureResult
    }
}
