// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStorage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A process that writes tables, for tests that take its disk away or end it.
///
///     commit PATH   writes transactions for ever and prints the number of each when it is on disk
///     fill PATH     writes until the file may not grow any more, then with the limit lifted; prints what came of it
@main
struct TablesChild {
    static let table = TableID(7)
    /// Records of each transaction of `commit`.
    static let recordsPerCommit: UInt64 = 40

    static func main() {
        let arguments = CommandLine.arguments
        do {
            switch arguments.count == 3 ? arguments[1] : "" {
            case "commit": try commit(arguments[2])
            case "fill": try fill(arguments[2])
            default: exit(64)
            }
        } catch {
            say("threw \(error)")
            exit(1)
        }
    }

    /// Each transaction writes the same records with its own number, and one new one.
    static func commit(_ path: String) throws {
        let tables = try Tables(path: path, tables: [table])
        var number: UInt64 = 1
        while true {
            try tables.write { writer in
                for record in 0..<recordsPerCommit {
                    let value = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 300)
                    try writer.put(TableKey(table, object: record), value)
                }
                try writer.put(TableKey(table, object: 1000, id: number), [1])
            }
            say("\(number)")
            number += 1
        }
    }

    static func fill(_ path: String) throws {
        signal(SIGXFSZ, SIG_IGN)
        let tables = try Tables(path: path, tables: [table])
        func write(_ number: UInt64) throws {
            try tables.write { writer in
                for record in 0..<200 as Range<UInt64> {
                    try writer.put(TableKey(table, object: number, id: record), [UInt8](repeating: 7, count: 1000))
                }
            }
        }
        try write(0)
        setFileLimit(1_500_000)
        var number: UInt64 = 1
        while number < 100 {
            do {
                try write(number)
            } catch TablesError.noSpace {
                break
            }
            number += 1
        }
        say("full after \(number > 1 && number < 100)")
        // Nothing of it is there, and the rest is; again, because the second attempt may fail elsewhere.
        for _ in 0..<3 {
            do {
                try write(number)
                say("unexpectedly written")
            } catch TablesError.noSpace {
                let count = try tables.read(until: nil) { reader in try reader.count(of: table) }
                say("whole \(count == Int(number) * 200)")
            }
        }
        setFileLimit(.max)
        try write(number)
        let count = try tables.read(until: nil) { reader in try reader.count(of: table) }
        say("again \(count == Int(number + 1) * 200)")
        tables.close()
    }

    /// The soft limit alone, so that it can be lifted again.
    static func setFileLimit(_ bytes: UInt64) {
        #if canImport(Glibc)
        let kind = __rlimit_resource_t(UInt32(1))  // RLIMIT_FSIZE
        #else
        let kind = RLIMIT_FSIZE
        #endif
        var limit = rlimit()
        getrlimit(kind, &limit)
        limit.rlim_cur = min(rlim_t(bytes), limit.rlim_max)
        setrlimit(kind, &limit)
    }

    /// Straight to the descriptor: what was said is out whatever happens next.
    static func say(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = line.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    }
}
