// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The arguments behind the command: `--name value` or, alone, `--name`.
struct Options: Sendable {
    private var values: [String: String] = [:]

    init(_ arguments: ArraySlice<String>) {
        var rest = arguments
        while let name = rest.popFirst() {
            guard name.hasPrefix("--") else { fail("what is \(name)?") }
            if let value = rest.first, !value.hasPrefix("--") {
                self.values[name] = value
                rest = rest.dropFirst()
            } else {
                self.values[name] = ""
            }
        }
    }

    func has(_ name: String) -> Bool { self.values[name] != nil }

    func number(_ name: String, _ standard: Double) -> Double {
        guard let text = self.values[name] else { return standard }
        guard let number = Double(text) else { fail("\(name) is \(text), not a number") }
        return number
    }

    func count(_ name: String, _ standard: Int) -> Int {
        guard let text = self.values[name] else { return standard }
        guard let count = Int(text), count >= 0 else { fail("\(name) is \(text), not a count") }
        return count
    }
}

/// A benchmark that went wrong has no figures to save.
func fail(_ reason: String) -> Never {
    FileHandle.standardError.write(Data("MartletStoreBench: \(reason)\n".utf8))
    exit(1)
}
