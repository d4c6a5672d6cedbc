// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What the kernel says of this process. A figure that a system doesn't tell is nil, and isn't shown.
///
/// Source: proc(5); Prometheus' process collector for the names.
package struct ProcessFigures: Sendable {
    package var processorSeconds: Double?
    package var startSeconds: Double?
    package var residentBytes: UInt64?
    package var virtualBytes: UInt64?
    package var openFiles: Int?
    package var fileLimit: UInt64?

    package init() {}

    /// Reads them now: some small files, which no disk has to be asked for.
    package static func current() -> ProcessFigures {
        var figures = ProcessFigures()
        var usage = rusage()
        #if canImport(Darwin)
        let own = RUSAGE_SELF
        #else
        let own = __rusage_who_t(RUSAGE_SELF.rawValue)
        #endif
        if getrusage(own, &usage) == 0 {
            figures.processorSeconds = seconds(usage.ru_utime) + seconds(usage.ru_stime)
        }
        figures.fileLimit = fileLimit
        guard let fields = statFields else { return figures }
        let page = UInt64(max(sysconf(Int32(_SC_PAGESIZE)), 1))
        figures.virtualBytes = UInt64(fields[Field.virtualBytes])
        figures.residentBytes = UInt64(fields[Field.residentPages]).map { $0 * page }
        if let ticks = Double(fields[Field.startTicks]), let boot = bootSeconds {
            figures.startSeconds = boot + ticks / Double(max(sysconf(Int32(_SC_CLK_TCK)), 1))
        }
        figures.openFiles = openFiles
        return figures
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    private static var fileLimit: UInt64? {
        var limit = rlimit()
        #if canImport(Darwin)
        let resource = RLIMIT_NOFILE
        #else
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #endif
        return getrlimit(resource, &limit) == 0 ? UInt64(limit.rlim_cur) : nil
    }

    /// Where fields stand behind the program's name, which is in brackets and may hold anything.
    private enum Field {
        static let startTicks = 19
        static let virtualBytes = 20
        static let residentPages = 21
    }

    private static var statFields: [Substring]? {
        guard let text = text(of: "/proc/self/stat"), let bracket = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: bracket)...].split(separator: " ")
        return fields.count > Field.residentPages ? fields : nil
    }

    private static var bootSeconds: Double? {
        guard let text = text(of: "/proc/stat") else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("btime ") }
        return line.flatMap { Double($0.dropFirst("btime ".count)) }
    }

    private static var openFiles: Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // The folder itself, the one above, and the file that reads them.
        return max(count - 3, 0)
    }

    /// Of /proc/stat the line wanted is near the end, behind one that grows with the machine.
    private static let maximumFileBytes = 1 << 20

    private static func text(of path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while bytes.count < maximumFileBytes {
            let count = fread(&piece, 1, piece.count, file)
            if count == 0 { break }
            bytes += piece.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
