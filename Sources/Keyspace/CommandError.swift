// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

/// Why a command is answered with an error, or not answered yet.
enum CommandError: Error, Sendable {
    /// A whole reply, code in front.
    case text(StaticString)
    case message(String)
    case stream(StreamError)
    /// There is nothing to answer with, and the command waits for it.
    case waits

    static let syntax = CommandError.text("ERR syntax error")
    static let wrongType = CommandError.text("WRONGTYPE Operation against a key holding the wrong kind of value")
    static let notInteger = CommandError.text("ERR value is not an integer or out of range")
    static let noSuchKey = CommandError.text("ERR no such key")
    static let invalidID = CommandError.stream(.invalidID)

    static func arity(_ name: String) -> CommandError {
        .message("ERR wrong number of arguments for '\(name)' command")
    }

    static func modifier(_ word: [UInt8], _ error: ModifierError) -> CommandError {
        .message("ERR Error in ACL SETUSER modifier '\(String(decoding: word, as: UTF8.self))': \(error.text)")
    }

    /// Source: Redis 8.8.
    static func text(of error: StreamError) -> StaticString {
        switch error {
        case .invalidID: "ERR Invalid stream ID specified as stream command argument"
        case .invalidRangeStart: "ERR invalid start ID for the interval"
        case .invalidRangeEnd: "ERR invalid end ID for the interval"
        case .addIDIsZero: "ERR The ID specified in XADD must be greater than 0-0"
        case .addIDIsNotAbove: "ERR The ID specified in XADD is equal or smaller than the target stream top item"
        case .exhausted: "ERR The stream has exhausted the last possible ID, unable to add more items"
        case .elementsTooLarge: "ERR Elements are too large to be stored"
        case .lastIDBelowGivenDeletedID:
            "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"
        case .lastIDBelowDeletedID: "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
        case .lastIDBelowTopItem: "ERR The ID specified in XSETID is smaller than the target stream top item"
        case .entriesAddedBelowLength:
            "ERR The entries_added specified in XSETID is smaller than the target stream length"
        case .entriesAddedNegative: "ERR entries_added must be positive"
        case .entriesReadNegative: "ERR value for ENTRIESREAD must be positive or -1"
        case .groupExists: "BUSYGROUP Consumer Group name already exists"
        case .noSuchGroup: "NOGROUP No such consumer group"
        case .idempotencyDurationOutOfRange: "ERR IDMP-DURATION must be between 1 and 86400 seconds"
        case .idempotencyCountOutOfRange: "ERR IDMP-MAXSIZE must be between 1 and 10000 entries"
        case .emptyProducerID: "ERR producer ID must be non-empty"
        case .emptyIdempotentID: "ERR idempotent ID must be non-empty"
        case .noSuchEntry: "ERR No such message in stream"
        case .idempotentIDTaken: "ERR IID already exists for this producer with a different stream ID"
        case .tooManyGroups: "ERR too many consumer groups"
        case .tooManyConsumers: "ERR too many consumers"
        case .groupIsBusy: "ERR ORDERBY can change only while nothing is pending in the group"
        case .scheduleIsEmpty: "ERR no moment fits the schedule"
        case .tooManyTimed: "ERR too many entries of the stream wait for a moment"
        case .tooManyPrioritized: "ERR too many entries of the stream have a priority"
        }
    }

    func write(into reply: inout ReplyWriter) {
        switch self {
        case .text(let text): reply.error(text)
        case .message(let message): reply.error(message)
        case .stream(let error): reply.error(Self.text(of: error))
        case .waits: reply.nullArray()
        }
    }
}

/// Runs a step of the stream core.
@inline(__always)
func streaming<Result>(_ body: () throws(StreamError) -> Result) throws(CommandError) -> Result {
    do throws(StreamError) {
        return try body()
    } catch {
        throw .stream(error)
    }
}
