// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

extension KeyspaceSettings {
    /// Names of settings that shape the state.
    public static let names = [
        "stream-node-max-bytes", "stream-node-max-entries", "stream-idmp-duration", "stream-idmp-maxsize",
    ]

    /// The value of a setting; `nil` where there is none of the name.
    public func value(of name: String) -> Int64? {
        switch name {
        case "stream-node-max-bytes": Int64(blocks.bytes)
        case "stream-node-max-entries": Int64(blocks.entries)
        case "stream-idmp-duration": idempotency.durationSeconds
        case "stream-idmp-maxsize": Int64(idempotency.maximumCount)
        default: nil
        }
    }

    /// - Returns: `false` where the number is out of range.
    mutating func set(_ name: String, _ number: Int64) -> Bool {
        switch name {
        case "stream-node-max-bytes" where 0 <= number && number <= Int64(Int32.max):
            blocks = BlockLimits(entries: blocks.entries, bytes: Int(number))
        case "stream-node-max-entries" where 0 <= number && number <= Int64(Int32.max):
            blocks = BlockLimits(entries: Int(number), bytes: blocks.bytes)
        case "stream-idmp-duration" where IdempotencyWindow.durationSecondsRange.contains(number):
            idempotency.durationSeconds = number
        case "stream-idmp-maxsize" where IdempotencyWindow.maximumCountRange.contains(Int(number)):
            idempotency.maximumCount = Int(number)
        default: return false
        }
        return true
    }
}

extension Keyspace {
    /// CONFIG SET of settings that shape the state; whoever serves clients keeps the others to itself.
    mutating func configSet(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        if call.count & 1 != 0 { throw .arity("config|set") }
        var settings = settings
        for index in stride(from: 2, to: call.count, by: 2) {
            let name = call.arguments.text(index).lowercased()
            guard settings.value(of: name) != nil else {
                throw .message(
                    "ERR Unknown option or number of arguments for CONFIG SET - '\(call.arguments.text(index))'")
            }
            guard let number = call.arguments.integer(index + 1) else {
                throw .message(
                    "ERR CONFIG SET failed (possibly related to argument '\(name)') - argument couldn't be parsed into "
                        + "an integer"
                )
            }
            guard settings.set(name, number) else {
                throw .message(
                    "ERR CONFIG SET failed (possibly related to argument '\(name)') - argument must be in range")
            }
        }
        self.settings = settings
        reply.ok()
    }
}
