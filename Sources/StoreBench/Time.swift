// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Nanoseconds of a clock that all threads share and that only goes forward.
func monotonicTime() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// A process's user and system time of all threads so far, in steps of a tick (10 ms); 0 for process 0.
func processorSeconds(of process: Int) -> Double {
    guard process > 0 else { return 0 }
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
        let end = text.lastIndex(of: ")")
    else { fail("process \(process) is gone") }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
        fail("process \(process) has no times")
    }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
}
