// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletRaft
import Testing

/// What members say to each other, line by line, against texts that were checked by hand with the paper's rules.
///
/// After a change that is meant, `MARTLET_REWRITE_TRANSCRIPTS=1 swift test --filter TranscriptTests` writes the texts
/// in `Goldens` anew, and still fails, so that nobody leaves it set; read the difference before you keep it.
@Suite struct TranscriptTests {
    @Test(arguments: Transcript.all) func membersSayWhatTheyShould(transcript: Transcript) throws {
        var driver = TranscriptDriver()
        var actual: [String] = []
        var written = 0
        for line in transcript.text.split(separator: "\n") where line.hasPrefix(">") || line.hasPrefix("#") {
            actual.append(String(line))
            guard line.hasPrefix(">") else { continue }
            try driver.run(String(line.dropFirst(2)))
            actual += driver.lines[written...]
            written = driver.lines.count
            Self.check(driver, after: line)
        }
        let text = actual.joined(separator: "\n")
        guard let difference = Transcript.firstDifference(transcript.text, text) else { return }
        if ProcessInfo.processInfo.environment["MARTLET_REWRITE_TRANSCRIPTS"] != nil { try transcript.rewrite(text) }
        Issue.record("\(transcript.name), \(difference)")
    }

    /// What holds whatever the text says: nodes are sound, and no two members apply different things.
    private static func check(_ driver: TranscriptDriver, after act: Substring) {
        let longest = driver.members.map(\.state).max { $0.count < $1.count } ?? []
        for member in driver.members {
            #expect(member.node?.violatedInvariants() ?? [] == [], "\(member.id) after \(act)")
            #expect(longest.starts(with: member.state), "\(member.id) after \(act)")
        }
    }

    @Test func theFirstDifferenceIsNamed() {
        #expect(Transcript.firstDifference("a\nb", "a\nb") == nil)
        #expect(Transcript.firstDifference("a\nb\nc", "a\nx\ny") == .init(line: 2, expected: "b", actual: "x"))
        #expect(Transcript.firstDifference("a", "a\nb") == .init(line: 2, expected: "(end)", actual: "b"))
        #expect(Transcript.firstDifference("a\nb", "a") == .init(line: 2, expected: "b", actual: "(end)"))
    }

    @Test(arguments: ["nonsense", "elect", "elect 9", "drop 1"]) func anActThatIsNoneIsAMistake(act: String) {
        var driver = TranscriptDriver()
        #expect(throws: TranscriptDriver.Mistake.self) { try driver.run(act) }
    }
}
