// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletCommand
import Testing

@Suite struct OutputTests {
    @Test func linesUpColumns() {
        var table = TextTable([("NAME", .left), ("CALLS", .right), ("NOTE", .left)])
        table.add(["a", "1", ""])
        table.add(["longer", "12345678", "x"])
        #expect(
            table.lines == [
                "NAME       CALLS  NOTE",
                "a              1",
                "longer  12345678  x",
            ])
    }

    @Test(arguments: [
        ("{}", "{}"), ("[]", "[]"), (#"{"a":1}"#, "{\n  \"a\": 1\n}"),
        (
            #"{"z":[1,2.50,1e3],"a":{"b":[]}}"#,
            "{\n  \"z\": [\n    1,\n    2.50,\n    1e3\n  ],\n  \"a\": {\n    \"b\": []\n  }\n}"
        ),
        (#"{"a":"x,{}:\" y"}"#, "{\n  \"a\": \"x,{}:\\\" y\"\n}"),
        ("{ \"a\" : null }", "{\n  \"a\": null\n}"), ("17", "17"), (#""text""#, #""text""#),
        ("{\"a\":[}", "{\"a\":[}"), ("{", "{"), ("\"open", "\"open"), ("]", "]"),
    ])
    func setsJSON(_ source: String, _ expected: String) {
        #expect(PrettyJSON.text(source) == expected)
    }

    @Test func escapesStrings() {
        #expect(JSONLine.object([("a\"", "b\\\n\u{1}é")]) == #"{"a\"":"b\\\n\u0001é"}"#)
    }

    @Test func colorsOnlyWhereWanted() {
        #expect(TerminalStyle(isTerminal: true, environment: [:]).red("x") == "\u{1B}[31mx\u{1B}[0m")
        #expect(TerminalStyle(isTerminal: true, environment: ["NO_COLOR": ""]).isColored)
        #expect(TerminalStyle(isTerminal: true, environment: ["NO_COLOR": "1"]).red("x") == "x")
        #expect(TerminalStyle(isTerminal: true, environment: ["TERM": "dumb"]).red("x") == "x")
        #expect(TerminalStyle(isTerminal: false, environment: [:]).red("x") == "x")
    }

    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00.000000Z"), (951_782_400_000_001, "2000-02-29T00:00:00.000001Z"),
        (1_767_225_599_999_999, "2025-12-31T23:59:59.999999Z"), (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ])
    func writesTime(_ microseconds: Int64, _ expected: String) {
        #expect(WallTime(microseconds: microseconds).description == expected)
    }

    @Test func writesEvents() {
        let time = WallTime(microseconds: 43_200_123_456)
        func line(_ format: LogSetting.Format) -> String {
            EventLog.line(
                format, level: .warning, time: time, caller: "a/b.swift:1", message: "two\nlines \"x\"",
                fields: ["b": "2", "a": "1"])
        }
        #expect(
            line(.json) == """
                {"level":"warn","ts":"1970-01-01T12:00:00.123456Z","caller":"a/b.swift:1",\
                "msg":"two\\nlines \\"x\\"","a":"1","b":"2"}

                """)
        #expect(line(.console) == "12:00:00.123 WARN two lines \"x\"  a=1  b=2\n")
    }
}
