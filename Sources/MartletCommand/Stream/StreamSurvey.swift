// SPDX-License-Identifier: Apache-2.0

package import MartletRedisClient

/// What is found about streams and their groups.
package enum StreamSurvey {
    /// A group of a stream; without a name a stream that has none.
    package struct Row: Sendable, Hashable {
        package var stream: String
        package var length: Int
        package var group: String?
        package var consumers = 0
        /// `nil` where the server can't tell.
        package var lag: Int?
        package var pending = 0
        /// How long ago the oldest pending message came into the stream.
        package var oldest: Duration?
        /// Of the stream: entries that come later, that end, and that have a priority.
        package var delayed = 0
        package var ending = 0
        package var prioritized = 0
        /// Of the group: entries that wait behind others with their keys, and how many dead letters are where it puts
        /// its own.
        package var parked = 0
        package var deadLetters: Int?
        package var policy: RedisGroupPolicy?

        package init(stream: String, length: Int) {
            self.stream = stream
            self.length = length
        }
    }

    /// Names of streams, sorted.
    package static func keys(_ client: RedisClient, matching pattern: String) async throws -> [String] {
        var keys: Set<String> = []
        var position: UInt64 = 0
        repeat {
            let found = try await client.scan(
                position, matching: pattern == "*" ? nil : pattern, type: "stream", count: 1000)
            keys.formUnion(found.keys.map { String(decoding: $0, as: UTF8.self) })
            position = found.position
        } while position != 0
        return keys.sorted()
    }

    package static func rows(_ client: RedisClient, matching pattern: String) async throws -> [Row] {
        let now = try await client.time() / 1000
        var rows: [Row] = []
        for key in try await keys(client, matching: pattern) {
            let groups = try await client.xinfoGroups(key)
            let deadLetters = try await deadLetters(client, of: groups)
            let info = try await client.xinfoStream(key)
            var stream = Row(stream: key, length: info.length)
            (stream.delayed, stream.ending) = (info.delayedCount, info.endingCount)
            stream.prioritized = info.prioritizedCount
            if groups.isEmpty { rows.append(stream) }
            for group in groups {
                var row = stream
                row.group = group.name
                row.consumers = group.consumerCount
                row.lag = group.lag
                row.pending = group.pendingCount
                row.parked = group.parkedCount
                row.policy = group.policy
                row.deadLetters = group.policy?.deadLetterStream.flatMap { deadLetters[$0] }
                if group.pendingCount > 0, let first = try await client.xpending(key, group.name).first {
                    row.oldest = .milliseconds(max(0, now - Int64(clamping: first.milliseconds)))
                }
                rows.append(row)
            }
        }
        return rows
    }
    /// How many dead letters there are, by the stream that groups put them into.
    package static func deadLetters(
        _ client: RedisClient, of groups: [RedisGroupInfo]
    ) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for name in Set(groups.compactMap { $0.policy?.deadLetterStream }) {
            do {
                counts[name] = try await client.xlen(name)
            } catch let error as RedisError where error.code == .wrongType {
                // Something else has the name by now: there are none.
                continue
            }
        }
        return counts
    }
}
