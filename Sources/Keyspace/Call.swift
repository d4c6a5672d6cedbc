// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
import MartletBasics
public import MartletRESPCodec
import MartletStreams

/// One command on its way through the keyspace, with all that its outcome depends on beside the state.
public struct Call: Sendable {
    public var arguments: Arguments
    public var database: Int
    /// Milliseconds of the Unix clock: a record's stamp, or the reader's clock.
    public var time: Int64
    /// A record's random bits.
    public var seed: UInt64
    /// The ID of the client, for those who wait.
    public var client: UInt64
    /// Who asks, if a user of the auth service.
    public var user: AuthName?

    public init(
        _ arguments: Arguments, database: Int = 0, now: Int64, seed: UInt64 = 0, client: UInt64 = 0,
        user: AuthName? = nil
    ) {
        self.arguments = arguments
        self.database = database
        self.time = now
        self.seed = seed
        self.client = client
        self.user = user
    }

    var random: SeededRandom { SeededRandom(seed: seed) }

    // MARK: Words

    var count: Int { arguments.count }

    func integer(_ index: Int) throws(CommandError) -> Int64 {
        guard let number = arguments.integer(index) else { throw .notInteger }
        return number
    }

    /// How many are wanted: a number of 0 or more.
    func count(_ index: Int) throws(CommandError) -> Int {
        guard let number = arguments.integer(index), number >= 0 else {
            throw .text("ERR value is out of range, must be positive")
        }
        return Int(number)
    }

    /// The number as a count: what exceeds the range of counts is as good as endless.
    func size(_ index: Int) throws(CommandError) -> Int { Int(try integer(index)) }

    func streamID(_ index: Int, missingSequence: UInt64 = 0) throws(CommandError) -> StreamID {
        let range = arguments.range(index)
        guard
            let id = StreamID(
                text: arguments.bytes.span.bytes.extracting(range), missingSequence: missingSequence)
        else { throw .invalidID }
        return id
    }

    func streamIDs(_ range: Range<Int>) throws(CommandError) -> [StreamID] {
        var ids: [StreamID] = []
        ids.reserveCapacity(range.count)
        for index in range { ids.append(try streamID(index)) }
        return ids
    }

    func rangeStart(_ index: Int) throws(CommandError) -> StreamID {
        let range = arguments.range(index)
        return try streaming { () throws(StreamError) in
            try StreamRange.start(arguments.bytes.span.bytes.extracting(range))
        }
    }

    func rangeEnd(_ index: Int) throws(CommandError) -> StreamID {
        let range = arguments.range(index)
        return try streaming { () throws(StreamError) in
            try StreamRange.end(arguments.bytes.span.bytes.extracting(range))
        }
    }
}
