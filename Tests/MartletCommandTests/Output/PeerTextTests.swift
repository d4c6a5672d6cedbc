// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletCommand
import MartletJSON
import Testing

/// What others say reaches the terminal as text, and as nothing else.
@Suite struct PeerTextTests {
    /// Clears the screen, sets the window's title, begins a command in one byte, turns the writing around.
    private static let hostile = "a\u{1B}[2Jb\u{1B}]0;x\u{7}c\u{9B}1md\u{202E}e\r\nf\u{7F}g\u{2028}h"

    private static func isHarmless(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy {
            !$0.properties.generalCategory.isControl && !(0x2028...0x202E).contains($0.value)
        }
    }

    @Test func linesAreHarmless() {
        #expect(
            PeerText.line(Self.hostile)
                == #"a\u{1b}[2Jb\u{1b}]0;x\u{7}c\u{9b}1md\u{202e}e\r\nf\u{7f}g\u{2028}h"#)
        #expect(PeerText.line("grün 東京 \\ \"x\" 👍🏽") == "grün 東京 \\ \"x\" 👍🏽")
    }

    @Test func jsonStaysTheSameJSON() {
        #expect(
            PeerText.json("{\"a\":\"\u{1B}[2J\u{9B}\u{202E}\",\r\n\t\"b\":1}")
                == "{\"a\":\"\\u001b[2J\\u009b\\u202e\",\n\n\t\"b\":1}")
        #expect(PeerText.json(#"{"a":"\u001b"}"#) == #"{"a":"\u001b"}"#)
    }

    @Test func tablesAndChangesShowNoneOfIt() {
        let record = ServiceRecord(
            name: Self.hostile, version: Self.hostile, endpoints: [EndpointRecord(name: Self.hostile)],
            nodes: [NodeRecord(id: Self.hostile, address: Self.hostile)])
        let lines =
            ServiceListing.table([record]) + ServiceListing.line(.put(record))
            + ServiceListing.line(.remove(service: Self.hostile, nodeID: Self.hostile))
        #expect(lines.count == 4)
        for line in lines { #expect(Self.isHarmless(line), "\(PeerText.line(line))") }
        var endpoint = EndpointDescription(EndpointRecord(name: Self.hostile))
        endpoint.request = .object([(Self.hostile, .string("x"))])
        for line in endpoint.lines { #expect(Self.isHarmless(PeerText.json(line)), "\(PeerText.json(line))") }
    }

    @Test func logsShowNoneOfIt() {
        let line = EventLog.line(
            .console, level: .warning, time: WallTime(microseconds: 0), caller: "", message: Self.hostile,
            fields: ["error": "\(Self.hostile)"])
        #expect(Self.isHarmless(String(line.dropLast())) && line.last == "\n")
    }
}

extension Unicode.GeneralCategory {
    fileprivate var isControl: Bool { self == .control }
}
