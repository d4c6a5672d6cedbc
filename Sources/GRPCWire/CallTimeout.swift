// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// The two time-out headers of a call, both relative.
package enum CallTimeout {
    /// Digits a `grpc-timeout` may have. Source: gRPC over HTTP/2, TimeoutValue.
    static let maximumDigits = 8

    /// Reads `grpc-timeout`: up to eight digits and a unit (`H M S m u n`). `nil` when it is neither.
    package static func parseGRPC(_ text: UnsafeRawBufferPointer) -> TimeAmount? {
        guard text.count >= 2, text.count <= self.maximumDigits + 1, let value = self.digits(text.dropLast())
        else { return nil }
        // Eight digits of hours are 3.6e20 ns: clamp what Int64 cannot hold.
        let scale: Int64
        switch text[text.count - 1] {
        case UInt8(ascii: "H"): scale = 3_600_000_000_000
        case UInt8(ascii: "M"): scale = 60_000_000_000
        case UInt8(ascii: "S"): scale = 1_000_000_000
        case UInt8(ascii: "m"): scale = 1_000_000
        case UInt8(ascii: "u"): scale = 1_000
        case UInt8(ascii: "n"): scale = 1
        default: return nil
        }
        let (nanoseconds, overflow) = value.multipliedReportingOverflow(by: scale)
        return .nanoseconds(overflow ? .max : nanoseconds)
    }

    /// Reads go-micro's `timeout`: decimal nanoseconds. `nil`, and so ignored, when it is anything else.
    package static func parseMicro(_ text: UnsafeRawBufferPointer) -> TimeAmount? {
        guard text.count <= 18, let value = self.digits(text[...]), value > 0 else { return nil }
        return .nanoseconds(value)
    }

    /// Writes `grpc-timeout`, in the finest unit that fits eight digits.
    package static func formatGRPC(_ amount: TimeAmount) -> String {
        let nanoseconds = max(amount.nanoseconds, 0)
        let limit: Int64 = 100_000_000
        if nanoseconds < limit { return "\(nanoseconds)n" }
        if nanoseconds / 1_000 < limit { return "\(nanoseconds / 1_000)u" }
        if nanoseconds / 1_000_000 < limit { return "\(nanoseconds / 1_000_000)m" }
        if nanoseconds / 1_000_000_000 < limit { return "\(nanoseconds / 1_000_000_000)S" }
        return "\(min(nanoseconds / 3_600_000_000_000, limit - 1))H"
    }

    private static func digits(_ text: UnsafeRawBufferPointer.SubSequence) -> Int64? {
        guard !text.isEmpty else { return nil }
        var value: Int64 = 0
        for byte in text {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            // At most 18 digits: no overflow.
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }
}

extension NIODeadline {
    /// `amount` from now, or the far future when that is beyond what a deadline can say.
    package static func after(_ amount: TimeAmount) -> NIODeadline {
        let now = NIODeadline.now()
        let room = UInt64(Int64.max) - now.uptimeNanoseconds
        return UInt64(max(amount.nanoseconds, 0)) >= room ? .distantFuture : now + amount
    }
}
