// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletKeyspace
import MartletRESPCodec

extension KeyspaceRecord.Format {
    /// What a member must read to know who asks.
    init(of user: AuthName?) {
        self = user == nil ? .first : .storesAndUsers
    }

    /// What a member must read to carry out a user's commands.
    ///
    /// - Parameter items: places in `commands`, and what they are.
    init(
        of user: AuthName?, _ items: some Sequence<(command: Int, entry: CommandEntry)>, in commands: CommandBatch
    ) {
        self.init(of: user)
        for (command, entry) in items where entry.flags.contains(.zoned) {
            self = max(self, entry.format(commands[command]))
        }
    }
}

extension CommandRequest {
    /// What a member must read to carry the commands out.
    var format: KeyspaceRecord.Format { KeyspaceRecord.Format(of: user, items, in: commands) }
}

extension Transaction {
    /// The same of a transaction.
    var format: KeyspaceRecord.Format {
        let items = items.enumerated().lazy.map { (command: $0.offset, entry: $0.element.entry) }
        return KeyspaceRecord.Format(of: user, items, in: commands)
    }
}
