// SPDX-License-Identifier: Apache-2.0

import CMartletPosix
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What the process holds in memory, all of its parts together: a store, streams, buffers.
struct MemoryFigures {
    struct Sample {
        /// Allocated and not freed. Where the library doesn't tell, all that is in memory.
        var used: Int64
        var resident: Int64
        /// The most that was ever in memory at once.
        var peak: Int64
        /// What the machine has.
        var system: Int64
    }

    private var last: (sample: Sample, at: NIODeadline)?

    /// Asking takes up to milliseconds: who asks in a loop gets what was true within this time.
    private static let lifetime = TimeAmount.milliseconds(100)

    mutating func sample(at now: NIODeadline) -> Sample {
        if let last, now - last.at < Self.lifetime { return last.sample }
        let resident = max(martlet_resident_bytes(), 0)
        let allocated = martlet_allocated_bytes()
        let used = allocated < 0 ? resident : allocated
        var usage = rusage()
        #if canImport(Darwin)
        let peak = getrusage(RUSAGE_SELF, &usage) == 0 ? Int64(usage.ru_maxrss) : 0
        #else
        // In units of 1024 bytes.
        let peak = getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 ? Int64(usage.ru_maxrss) << 10 : 0
        #endif
        let system = Int64(max(sysconf(Int32(_SC_PHYS_PAGES)), 0)) * Int64(max(sysconf(Int32(_SC_PAGESIZE)), 0))
        let sample = Sample(used: used, resident: resident, peak: max(peak, used, resident), system: system)
        last = (sample, now)
        return sample
    }
}

extension MemoryFigures.Sample {
    /// For INFO.
    var lines: InfoLines {
        let share = peak == 0 ? 0 : Double(used) * 100 / Double(peak)
        let ratio = used == 0 ? 0 : Double(resident) / Double(used)
        return [
            ("used_memory", "\(used)"), ("used_memory_human", Self.human(used)),
            ("used_memory_rss", "\(resident)"), ("used_memory_rss_human", Self.human(resident)),
            ("used_memory_peak", "\(peak)"), ("used_memory_peak_human", Self.human(peak)),
            ("used_memory_peak_perc", share.fixed(2) + "%"), ("total_system_memory", "\(system)"),
            ("total_system_memory_human", Self.human(system)), ("maxmemory", "0"), ("maxmemory_human", "0B"),
            ("maxmemory_policy", "noeviction"), ("mem_fragmentation_ratio", ratio.fixed(2)),
            ("mem_fragmentation_bytes", "\(resident - used)"), ("mem_allocator", "libc"),
        ]
    }

    /// As Redis writes sizes for people.
    static func human(_ bytes: Int64) -> String {
        if bytes < 1024 { return "\(bytes)B" }
        var (amount, unit) = (Double(bytes) / 1024, 0)
        let units = ["K", "M", "G", "T", "P"]
        while amount >= 1024, unit + 1 < units.count { (amount, unit) = (amount / 1024, unit + 1) }
        return amount.fixed(2) + units[unit]
    }
}

/// Time of processors that the process has taken, for INFO.
enum ProcessorTime {
    static var lines: InfoLines {
        var usage = rusage()
        #if canImport(Darwin)
        guard getrusage(RUSAGE_SELF, &usage) == 0 else { return [] }
        #else
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return [] }
        #endif
        func text(_ time: timeval) -> String { (Double(time.tv_sec) + Double(time.tv_usec) / 1e6).fixed(6) }
        return [("used_cpu_sys", text(usage.ru_stime)), ("used_cpu_user", text(usage.ru_utime))]
    }
}

/// What a process says of itself, for INFO.
enum ProcessFacts {
    static var id: Int32 { getpid() }

    #if os(Linux)
    static let multiplexing = "epoll"
    #else
    static let multiplexing = "kqueue"
    #endif

    /// The operating system, its release and the machine.
    static var system: String {
        var names = utsname()
        guard uname(&names) == 0 else { return "" }
        func text<Name>(_ name: Name) -> String {
            withUnsafeBytes(of: name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return "\(text(names.sysname)) \(text(names.release)) \(text(names.machine))"
    }
}
