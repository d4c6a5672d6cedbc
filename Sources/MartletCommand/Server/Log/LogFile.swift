// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A file that lines of log are appended to, begun anew when it has grown.
///
/// An old file stays beside it, the time in its name: `server.log` becomes `server-2026-01-31T12-00-00.000.log`.
package final class LogFile: Sendable {
    private struct State {
        var stream: StandardStream
        var size: Int
    }

    private let path: String
    private let rotation: LogRotation?
    private let maximumBytes: Int
    private let state: Mutex<State>

    /// - Parameter maximumBytes: Overrides the rotation's, whose unit is large.
    package init(path: String, rotation: LogRotation? = nil, maximumBytes: Int? = nil) throws {
        self.path = path
        self.rotation = rotation
        self.maximumBytes = maximumBytes ?? rotation?.maximumBytes ?? .max
        state = Mutex(try Self.open(path))
    }

    package func write(_ line: String) {
        state.withLock { state in
            if state.size > 0, state.size + line.utf8.count > maximumBytes { rotate(&state) }
            state.stream.write(line)
            state.size += line.utf8.count
        }
    }

    private static func open(_ path: String) throws -> State {
        let descriptor = Foundation.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileFailure(verb: "open", path: path) }
        return State(stream: StandardStream(descriptor: descriptor), size: Int(max(0, lseek(descriptor, 0, SEEK_END))))
    }

    /// Where the file can't be renamed or opened again, the log goes on in the old one.
    private func rotate(_ state: inout State) {
        let (stem, ending) = parts
        let name = "\(stem)-\(stamp())\(ending)"
        guard rename(path, name) == 0, let fresh = try? Self.open(path) else { return }
        state.stream.close()
        state = fresh
        removeOldFiles()
    }

    private var parts: (stem: String, ending: String) {
        guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return (path, "") }
        return (String(path[..<dot]), String(path[dot...]))
    }

    private func stamp() -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = rotation?.localtime == true ? .current : TimeZone(secondsFromGMT: 0)
        formatter.dateFormat = "yyyy-MM-dd'T'HH-mm-ss.SSS"
        return formatter.string(from: Date())
    }

    private func removeOldFiles() {
        guard let rotation, rotation.maxbackups > 0 || rotation.maxage > 0 else { return }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        let (stem, ending) = parts
        let prefix = (stem.split(separator: "/").last.map(String.init) ?? stem) + "-"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        // The newest first: names sort as their times do.
        let old = names.filter { isOld($0, prefix, ending) }.sorted(by: >)
        for (position, name) in old.enumerated() {
            let file = folder.appendingPathComponent(name).path
            let isSurplus = rotation.maxbackups > 0 && position >= rotation.maxbackups
            if isSurplus || isOutdated(file) { try? FileManager.default.removeItem(atPath: file) }
        }
    }

    /// Whether a name is one that this file's old ones have: other files beside it are nobody's business.
    private func isOld(_ name: String, _ prefix: String, _ ending: String) -> Bool {
        guard name.hasPrefix(prefix), name.hasSuffix(ending) else { return false }
        let stamp = name.dropFirst(prefix.count).dropLast(ending.count)
        return stamp.count == 23 && stamp.allSatisfy { $0.isASCII && ($0.isNumber || "-T.".contains($0)) }
    }

    private func isOutdated(_ path: String) -> Bool {
        guard let days = rotation?.maxage, days > 0 else { return false }
        let changed = (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
        return changed.map { $0.timeIntervalSinceNow < -Double(days) * 86_400 } ?? false
    }
}
