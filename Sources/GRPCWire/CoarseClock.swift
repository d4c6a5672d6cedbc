// SPDX-License-Identifier: Apache-2.0

import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A monotonic clock that is cheap to read and moves in steps of a few milliseconds: enough to notice a held loop.
enum CoarseClock {
    static func now() -> NIODeadline {
        #if canImport(Darwin)
        return .now()
        #else
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return .uptimeNanoseconds(UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
        #endif
    }
}
