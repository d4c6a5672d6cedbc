// SPDX-License-Identifier: Apache-2.0

/// Which of the entries that a read passes it shows, and what of them. Martlet alone.
public struct RedisSelection: Sendable, Hashable {
    /// Entries that lack one of these fields are passed over; up to 16.
    public var filter: [RedisField] = []
    /// Whether entries come without their fields.
    public var showsIDsOnly = false

    public init() {}

    /// Every entry, whole: as any server reads.
    public static let all = RedisSelection()

    /// Entries with all of these fields.
    public static func having(_ fields: RedisField...) -> RedisSelection {
        var selection = RedisSelection()
        selection.filter = fields
        return selection
    }

    func append(to command: inout RedisCommand) {
        for field in filter {
            command.append("FILTER")
            command.append(field.name)
            command.append(field.value)
        }
        if showsIDsOnly { command.append("NOVALUES") }
    }
}

extension RedisCommands {
    /// Sends a read with this selection among its words.
    func send(_ command: RedisCommand, _ selection: RedisSelection) async throws -> RedisValue {
        if selection == .all { return try await send(command) }
        return try await send(command, lacking: "reads with FILTER or NOVALUES", saying: RedisError.unknownOption)
    }
}
