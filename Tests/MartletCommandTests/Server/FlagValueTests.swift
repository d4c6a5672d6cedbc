// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import Testing

@Suite struct FlagValueTests {
    @Test(arguments: [
        ("0", Duration.zero), ("100ms", .milliseconds(100)), ("1.5s", .milliseconds(1500)), ("1m30s", .seconds(90)),
        ("2h", .seconds(7200)), ("10us", .microseconds(10)), ("7ns", .nanoseconds(7)), ("3µs", .microseconds(3)),
    ])
    func readsDurations(_ text: String, _ expected: Duration) {
        #expect(FlagValue.duration(text) == expected)
    }

    @Test(arguments: ["", "5", "s", "-1s", "1x", "1s2", ".s", "1 s", "9999999999h"])
    func refusesDurations(_ text: String) {
        #expect(FlagValue.duration(text) == nil)
    }

    @Test func readsBooleans() {
        for text in ["1", "t", "T", "true", "TRUE", "True"] { #expect(FlagValue.boolean(text) == true) }
        for text in ["0", "f", "F", "false", "FALSE", "False"] { #expect(FlagValue.boolean(text) == false) }
        for text in ["", "yes", "tRUE", "2"] { #expect(FlagValue.boolean(text) == nil) }
    }

    @Test func readsNumbers() {
        #expect(FlagValue.number("0") == 0)
        #expect(FlagValue.number("18446744073709551615") == .max)
        #expect(FlagValue.number("0xff") == 255)
        #expect(FlagValue.number("010") == 8)
        #expect(FlagValue.number("0b11") == 3)
        #expect(FlagValue.number("0o17") == 15)
        #expect(FlagValue.integer("-7") == -7)
        #expect(FlagValue.integer("-9223372036854775808") == .min)
        #expect(FlagValue.integer("-9223372036854775809") == nil)
        #expect(FlagValue.integer("9223372036854775808") == nil)
        for text in ["", "-", "--1", "+-1", "x"] { #expect(FlagValue.integer(text) == nil) }
        for text in ["", "+1", "0x+1", "09", "-1", "1.0", "18446744073709551616", "1e3"] {
            #expect(FlagValue.number(text) == nil)
        }
    }
}
