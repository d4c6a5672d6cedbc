// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

/// How a moment is written: in which unit, and from when.
struct MomentForm {
    let millisecondsPerUnit: Int64
    let isAbsolute: Bool

    static let seconds = MomentForm(millisecondsPerUnit: 1000, isAbsolute: false)
    static let milliseconds = MomentForm(millisecondsPerUnit: 1, isAbsolute: false)
    static let secondsOfClock = MomentForm(millisecondsPerUnit: 1000, isAbsolute: true)
    static let millisecondsOfClock = MomentForm(millisecondsPerUnit: 1, isAbsolute: true)

    /// In milliseconds of the Unix clock.
    ///
    /// - Parameter command: for the error.
    func moment(_ call: Call, _ index: Int, command: String, isPositive: Bool) throws(CommandError) -> Int64 {
        let number = try call.integer(index)
        let invalid = CommandError.message("ERR invalid expire time in '\(command)' command")
        if isPositive, number <= 0 { throw invalid }
        let (product, isTooBig) = number.multipliedReportingOverflow(by: millisecondsPerUnit)
        let (moment, overflows) = product.addingReportingOverflow(isAbsolute ? 0 : call.time)
        if isTooBig || overflows || moment == KeyRow.endless { throw invalid }
        return moment
    }
}

extension Keyspace {
    mutating func expire(
        _ call: Call, _ reply: inout ReplyWriter, _ form: MomentForm, command: String
    ) throws(CommandError) {
        var (ifNone, ifSome, ifLater, ifEarlier) = (false, false, false, false)
        for index in 3..<max(call.count, 3) {
            if call.arguments.matches(index, "NX") {
                ifNone = true
            } else if call.arguments.matches(index, "XX") {
                ifSome = true
            } else if call.arguments.matches(index, "GT") {
                ifLater = true
            } else if call.arguments.matches(index, "LT") {
                ifEarlier = true
            } else {
                throw .message("ERR Unsupported option \(call.arguments.text(index))")
            }
        }
        if ifNone, ifSome || ifLater || ifEarlier {
            throw .text("ERR NX and XX, GT or LT options at the same time are not compatible")
        }
        if ifLater, ifEarlier { throw .text("ERR GT and LT options at the same time are not compatible") }
        let moment = try form.moment(call, 2, command: command, isPositive: false)
        guard let place = livePlace(call, 1) else { return reply.integer(0) }
        let current = databases[call.database][place].expiresAt
        let isEndless = current == KeyRow.endless
        if ifNone && !isEndless || ifSome && isEndless || ifLater && (isEndless || moment <= current)
            || ifEarlier && moment >= current
        {
            return reply.integer(0)
        }
        if moment <= call.time {
            remove(place, in: call.database)
            notify(.generic, "del", call)
        } else {
            setExpiry(place, in: call.database, moment)
            touch(place, in: call.database)
            notify(.generic, "expire", call)
        }
        reply.integer(1)
    }

    mutating func persist(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        guard let place = livePlace(call, 1), databases[call.database][place].expiresAt != KeyRow.endless else {
            return reply.integer(0)
        }
        setExpiry(place, in: call.database, KeyRow.endless)
        touch(place, in: call.database)
        notify(.generic, "persist", call)
        reply.integer(1)
    }

    /// Time that is left, or the moment itself; −2: no key, −1: it never expires.
    func timeToLive(_ call: Call, _ reply: inout ReplyWriter, _ form: MomentForm) throws(CommandError) {
        guard let place = place(call, 1, &reply) else { return reply.integer(-2) }
        let moment = databases[call.database][place].expiresAt
        if moment == KeyRow.endless { return reply.integer(-1) }
        let milliseconds = form.isAbsolute ? moment : moment - call.time
        // Half a second and more counts as one; moments are not rounded.
        let half = form.isAbsolute ? 0 : form.millisecondsPerUnit / 2
        reply.integer((milliseconds + half) / form.millisecondsPerUnit)
    }
}
