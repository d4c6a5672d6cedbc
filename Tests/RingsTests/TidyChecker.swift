// SPDX-License-Identifier: Apache-2.0

/// Habits that a reader relies on and no compiler checks.
struct TidyChecker {
    /// Columns of a hand-written line; .swift-format says the same.
    static let longestLine = 120
    /// Lines of a hand-written file. Most stay under 200.
    static let longestFile = 600

    // Written in two parts, so that this file is not its own first finding.
    static let postponed = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
    static let machinePaths = ["/wo" + "rk/", "/ro" + "ot/", "/tmp/hel" + "pers"]
    static let promises = ["@unchecked " + "Sendable", "nonisolated" + "(unsafe)"]

    /// Faults of one text file, `path` being its path from the root of the package.
    static func violations(path: String, text: String) -> [String] {
        var result: [String] = []
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let isCode = ["swift", "py", "proto", "h", "c"].contains(fileExtension(name)) || !name.contains(".")
        let isHandWritten = !isGenerated(path, name)

        for word in postponed {
            for line in SwiftText.lines(inCode: text, saying: word) {
                result.append("\(path):\(line): says \(word)")
            }
        }
        for (index, line) in lines.enumerated() {
            for place in machinePaths where line.utf8.count >= place.utf8.count && line.contains(place) {
                result.append("\(path):\(index + 1): names a path of one machine, \(place)")
            }
            guard isCode, isHandWritten else { continue }
            if line.contains("\t"), name != "Makefile" {
                result.append("\(path):\(index + 1): has a tab")
            }
            if line.utf8.count > longestLine, line.count > longestLine {
                result.append("\(path):\(index + 1): has \(line.count) columns")
            }
        }
        if isCode, isHandWritten, lines.count > longestFile + 1 {
            result.append("\(path): has \(lines.count - 1) lines")
        }
        if fileExtension(name) == "swift", isHandWritten {
            result += unexplainedPromises(path: path, text: text, lines: lines)
        }
        return result
    }

    /// What the compiler can't check needs its proof in a comment on the line above.
    private static func unexplainedPromises(path: String, text: String, lines: [Substring]) -> [String] {
        guard promises.contains(where: text.contains) else { return [] }
        let code = SwiftText.codeOnly(text)
        var result: [String] = []
        for promise in promises {
            for line in SwiftText.lines(inCode: code, saying: promise) {
                let above = line >= 2 ? lines[line - 2].drop(while: \.isWhitespace) : ""
                if !above.hasPrefix("//") {
                    result.append("\(path):\(line): \(promise) without a comment on the line above")
                }
            }
        }
        return result
    }

    private static func isGenerated(_ path: String, _ name: String) -> Bool {
        path.contains("/Generated/")
            || [".pb.swift", ".grpc.swift", ".martlet.swift", "Descriptors.swift"].contains(where: name.hasSuffix)
    }

    private static func fileExtension(_ name: String) -> String {
        name.split(separator: ".").dropFirst().last.map(String.init) ?? ""
    }
}
