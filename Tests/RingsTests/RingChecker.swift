// SPDX-License-Identifier: Apache-2.0

/// Holds a package to its table of rings. Every answer is one line a human can act on.
struct RingChecker {
    var table: [String: RingEntry]
    /// Targets that stand outside the rings: tests may import anything, examples are made of public products, and no
    /// target of a ring may need one of these.
    var isFixture: (Manifest.Target) -> Bool = {
        $0.isTest || $0.folder.hasPrefix("Tests/") || $0.folder.hasPrefix("Examples/")
    }

    /// Faults of the table itself.
    func tableViolations() -> [String] {
        var result: [String] = []
        for (name, entry) in table.sorted(by: { $0.key < $1.key }) {
            for inner in entry.targets.sorted() {
                guard let target = table[inner] else {
                    result.append("table: \(name) may import \(inner), which has no row")
                    continue
                }
                if target.ring > entry.ring {
                    result.append("table: \(name) (\(entry.ring)) may import \(inner) (\(target.ring)): outward")
                }
            }
            if reaches(name, from: entry.targets) {
                result.append("table: \(name) may import itself through others")
            }
        }
        return result
    }

    func manifestViolations(_ manifest: Manifest) -> [String] {
        let own = Set(manifest.targets.map(\.name))
        let fixtures = Set(manifest.targets.filter(isFixture).map(\.name))
        var result = manifest.targets.isEmpty ? ["Package.swift: no targets found"] : []
        for target in manifest.targets where !isFixture(target) {
            guard let entry = table[target.name] else {
                result.append("Package.swift: target \(target.name) has no row in RingTable.swift")
                continue
            }
            if entry.folder != target.folder {
                result.append("Package.swift: \(target.name) is in \(target.folder), by the table in \(entry.folder)")
            }
            for dependency in target.dependencies where own.contains(dependency) {
                if fixtures.contains(dependency) {
                    result.append("Package.swift: \(target.name) depends on the test target \(dependency)")
                } else if let inner = table[dependency], inner.ring > entry.ring {
                    result.append("Package.swift: \(target.name) depends outward on \(dependency)")
                } else if !entry.targets.contains(dependency) {
                    result.append("Package.swift: \(target.name) may not depend on \(dependency)")
                }
            }
        }
        return result
    }

    /// `path` is only named in the answers; `folder` is the target's folder in Sources.
    func sourceViolations(path: String, folder: String, text: String) -> [String] {
        guard let (name, entry) = table.first(where: { $0.value.folder == folder }) else {
            return ["\(path): the folder \(folder) has no row in RingTable.swift"]
        }
        let code = SwiftText.codeOnly(text)
        var result: [String] = []
        for (module, line) in SwiftText.imports(inCode: code) {
            if let inner = table[module] {
                if inner.ring > entry.ring {
                    result.append("\(path):\(line): \(name) imports outward: \(module)")
                } else if !entry.targets.contains(module) {
                    result.append("\(path):\(line): \(name) may not import \(module)")
                }
            } else if !entry.modules.contains(module) {
                result.append("\(path):\(line): \(name) may not import \(module)")
            }
        }
        if entry.ring == .core {
            for words in bannedInCores {
                for line in SwiftText.lines(inCode: code, saying: words) {
                    result.append("\(path):\(line): a pure core says \(words)")
                }
            }
        }
        return result
    }

    private func reaches(_ name: String, from start: Set<String>) -> Bool {
        var seen: Set<String> = []
        var waiting = Array(start)
        while let next = waiting.popLast() {
            if next == name { return true }
            if seen.insert(next).inserted { waiting += table[next]?.targets ?? [] }
        }
        return false
    }
}
