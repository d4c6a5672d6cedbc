// SPDX-License-Identifier: Apache-2.0

import MartletInProcess
import MartletKeyspace
import NIOCore

extension RESPConnection {
    /// Whether it is sent what others do.
    var isTold: Bool { session.isSubscriber || session.isMonitor }

    private var outputLimit: OutputLimit {
        isTold ? hub.settings.limits.output.pubsub : hub.settings.limits.output.normal
    }

    /// Bytes that were written and not taken.
    var unreadBytes: Int {
        guard let channel = context?.channel else { return 0 }
        if let pipe = channel as? PipeChannel { return pipe.unreadBytes }
        return (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    var isCrowded: Bool { crowdedSince != nil }

    /// Whether so many bytes more are too much for a client that leaves them unread.
    func isTooMuch(_ added: Int) -> Bool {
        let limit = outputLimit
        let least = limit.leastBytes
        // As long as the socket takes more, no more than the watermark waits.
        if least == .max || isWritable && added + RedisServer.writeBytes < least {
            crowdedSince = nil
            return false
        }
        let unread = unreadBytes
        if limit.hardBytes > 0, unread + added >= limit.hardBytes { return true }
        if limit.softBytes == 0 || unread < limit.softBytes { crowdedSince = nil }
        guard limit.softBytes > 0, unread + added >= limit.softBytes else { return false }
        let now = NIODeadline.now()
        guard let since = crowdedSince else {
            crowdedSince = now
            hub.watchOutput(of: session.id)
            return false
        }
        return now - since > .seconds(Int64(limit.softSeconds))
    }

    /// Whether too much is unread for too long, asked without anything new.
    func leavesTooMuch(_ now: NIODeadline) -> Bool {
        guard let since = crowdedSince else { return false }
        let limit = outputLimit
        if limit.softBytes == 0 || unreadBytes < limit.softBytes {
            crowdedSince = nil
            return false
        }
        return now - since > .seconds(Int64(limit.softSeconds))
    }

    func endForOutput() {
        if isClosing { return }
        hub.statistics.outputDisconnections += 1
        end()
    }
}
