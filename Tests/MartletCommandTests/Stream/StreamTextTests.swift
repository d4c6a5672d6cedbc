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

    @Test func entries() {
        var entry = RedisEntry(id: RedisStreamID(5, 1), fields: [RedisField("a", "1"), RedisField("a", "x\ny")])
        #expect(StreamText.entry(entry, asJSON: false) == #"5-1  a=1  a="x\ny""#)
        #expect(StreamText.entry(entry, asJSON: true) == #"{"id":"5-1","fields":[["a","1"],["a","x\ny"]]}"#)
        entry.isDeleted = true
        entry.fields = []
        #expect(StreamText.entry(entry, asJSON: true) == #"{"id":"5-1","fields":null}"#)
    }

    @Test(arguments: [
        (0, "0ms"), (999, "999ms"), (1000, "1.0s"), (59_950, "59.9s"), (60_000, "1m0s"), (3_600_000, "1h0m"),
        (90_000_000, "1d1h"),
    ])
    func ages(_ milliseconds: Int, _ text: String) {
        #expect(StreamText.age(.milliseconds(milliseconds)) == text)
    }
}
