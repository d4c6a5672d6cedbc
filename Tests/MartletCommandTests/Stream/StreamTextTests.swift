// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import MartletRedisClient
import Testing

@Suite struct StreamTextTests {
    @Test func reports() {
        var busy = StreamSurvey.Row(stream: "orders", length: 1200)
        busy.group = "billing"
        busy.consumers = 3
        busy.lag = 7
        busy.pending = 12
        busy.oldest = .milliseconds(75_300)
        var unknown = StreamSurvey.Row(stream: "orders", length: 1200)
        unknown.group = "mail"
        let rows = [busy, unknown, StreamSurvey.Row(stream: "raw", length: 1)]
        #expect(
            StreamText.report(rows, asJSON: false) == [
                "STREAM  LENGTH  GROUP    CONSUMERS  LAG  PENDING  OLDEST",
                "orders    1200  billing          3    7       12   1m15s",
                "orders    1200  mail             0    -        0       -",
                "raw          1  -                -    -        -       -",
            ])
        #expect(
            StreamText.report([busy, rows[2]], asJSON: true) == [
                #"{"stream":"orders","length":1200,"group":"billing","consumers":3,"lag":7,"pending":12,"#
                    + #""oldestMilliseconds":75300}"#,
                #"{"stream":"raw","length":1,"group":null,"consumers":0,"lag":null,"pending":0,"#
                    + #""oldestMilliseconds":null}"#,
            ])
    }

    /// What streams and groups do of themselves, and what has come of it.
    @Test func reportsQueues() {
        var queue = StreamSurvey.Row(stream: "orders", length: 9)
        (queue.group, queue.consumers, queue.lag, queue.pending) = ("billing", 1, 4, 3)
        (queue.delayed, queue.ending, queue.prioritized) = (1, 2, 5)
        (queue.parked, queue.deadLetters) = (2, 7)
        var policy = RedisGroupPolicy()
        (policy.maximumDeliveries, policy.deadLetterStream) = (3, "dead")
        queue.policy = policy
        #expect(
            StreamText.report([queue, StreamSurvey.Row(stream: "raw", length: 1)], asJSON: false) == [
                "STREAM  LENGTH  GROUP    CONSUMERS  LAG  PENDING  OLDEST  DELAYED  ENDING  URGENT  PARKED  DEAD  "
                    + "POLICY",
                "orders       9  billing          1    4        3       -        1       2       5       2     7  "
                    + "3 deliveries to dead",
                "raw          1  -                -    -        -       -        -       -       -       -     -  -",
            ])
        let json = StreamText.report([queue], asJSON: true)
        let end =
            #""oldestMilliseconds":null,"delayed":1,"ending":2,"prioritized":5,"parked":2,"deadLetters":7,"#
            + #""policy":"3 deliveries to dead"}"#
        #expect(json.count == 1 && json[0].hasSuffix(end), "\(json)")
    }

    @Test func entries() {
        var entry = RedisEntry(id: RedisStreamID(5, 1), fields: [RedisField("a", "1"), RedisField("a", "x\ny")])
        #expect(StreamText.entry(entry, asJSON: false) == #"5-1  a=1  a="x\ny""#)
        #expect(StreamText.entry(entry, asJSON: true) == #"{"id":"5-1","fields":[["a","1"],["a","x\ny"]]}"#)
        entry.isDeleted = true
        entry.fields = []
        #expect(StreamText.entry(entry, asJSON: true) == #"{"id":"5-1","fields":null}"#)
    }

    private static func info(_ more: [(String, RedisValue)]) throws -> RedisStreamInfo {
        let known: [(String, RedisValue)] = [
            ("length", .integer(3)), ("last-generated-id", .bytes(Array("5-0".utf8))), ("groups", .integer(1)),
        ]
        return try RedisStreamInfo(Self.map(known + more))
    }

    private static func map(_ pairs: [(String, RedisValue)]) -> RedisValue {
        .array(pairs.flatMap { [.bytes(Array($0.0.utf8)), $0.1] })
    }

    /// Columns for what only some streams have come where one has it.
    @Test func queuesHaveColumns() throws {
        let plain = try Self.info([])
        let busy = try Self.info([
            ("delayed", .integer(2)), ("ending", .integer(4)), ("jobs", .integer(1)),
            ("retain-max-age", .integer(3_600_000)), ("retain-acked", .integer(1)), ("prioritized", .integer(7)),
        ])
        #expect(
            StreamText.list([("a", plain)], asJSON: false) == [
                "STREAM  LENGTH  GROUPS  LAST ID", "a            3       1  5-0",
            ])
        #expect(
            StreamText.list([("a", plain), ("b", busy)], asJSON: false) == [
                "STREAM  LENGTH  GROUPS  LAST ID  DELAYED  ENDING  URGENT  JOBS  RETENTION",
                "a            3       1  5-0            -       -       -     -  -",
                "b            3       1  5-0            2       4       7     1  age 1h0m, acknowledged",
            ])
        #expect(
            StreamText.list([("a", plain), ("c", try Self.info([("ending", .integer(1))]))], asJSON: false) == [
                "STREAM  LENGTH  GROUPS  LAST ID  ENDING", "a            3       1  5-0           -",
                "c            3       1  5-0           1",
            ])
        #expect(
            StreamText.list([("b", busy)], asJSON: true) == [
                #"{"stream":"b","length":3,"groups":1,"lastID":"5-0","delayed":2,"ending":4,"prioritized":7,"#
                    + #""jobs":1,"retention":"age 1h0m, acknowledged"}"#
            ])
    }

    @Test func groupsShowTheirPolicies() throws {
        var group = try RedisGroupInfo(
            Self.map([
                ("name", .bytes(Array("g".utf8))), ("consumers", .integer(1)), ("pending", .integer(2)),
                ("last-delivered-id", .bytes(Array("5-0".utf8))), ("entries-read", .integer(3)), ("lag", .integer(4)),
            ]))
        #expect(
            StreamText.groups([group], asJSON: false) == [
                "GROUP  CONSUMERS  PENDING  READ  LAG  LAST DELIVERED", "g              1        2     3    4  5-0",
            ])
        var policy = RedisGroupPolicy()
        policy.visibility = .seconds(30)
        policy.maximumDeliveries = 5
        policy.deadLetterStream = "dead"
        policy.idleConsumers = .seconds(60)
        policy.prefersUrgent = true
        policy.filter = [RedisField("a", "b")]
        group.policy = policy
        let text = "visible 30.0s, 5 deliveries to dead, consumers 1m0s, urgent first, 1 filtered"
        #expect(StreamText.groups([group], asJSON: false).last?.hasSuffix(text) == true)
        #expect(StreamText.groups([group], asJSON: true).first?.contains("\"policy\":\"\(text)\"") == true)
        policy = RedisGroupPolicy()
        (policy.maximumDeliveries, policy.deadLetterStream, policy.orderField) = (5, "dead", "k")
        (group.policy, group.parkedCount) = (policy, 6)
        #expect(
            StreamText.groups([group], deadLetters: ["dead": 0], asJSON: false) == [
                "GROUP  CONSUMERS  PENDING  READ  LAG  LAST DELIVERED  PARKED  DEAD  POLICY",
                "g              1        2     3    4  5-0                  6     0  5 deliveries to dead, order k",
            ])
        let json = StreamText.groups([group], deadLetters: ["dead": 3], asJSON: true)
        let end = #""lag":4,"parked":6,"deadLetters":3,"policy":"5 deliveries to dead, order k"}"#
        #expect(json.count == 1 && json[0].hasSuffix(end), "\(json)")
    }

    @Test(arguments: [
        (0, "0ms"), (999, "999ms"), (1000, "1.0s"), (59_950, "59.9s"), (60_000, "1m0s"), (3_600_000, "1h0m"),
        (90_000_000, "1d1h"),
    ])
    func ages(_ milliseconds: Int, _ text: String) {
        #expect(StreamText.age(.milliseconds(milliseconds)) == text)
    }
}
