// SPDX-License-Identifier: Apache-2.0

import MartletReplica
package import MartletStorage
package import NIOCore
import Synchronization

/// What a member's threads tell its home loop. However much they tell, the loop is woken once.
package final class MemberMailbox: Sendable {
    package struct Mail: Sendable {
        /// The newest durable batch.
        var synced: BatchNumber?
        /// Each write and sync since the loop last looked.
        var syncs: [(duration: Duration, effort: LogEffort)] = []
        /// What became of the checkpoint that was being written, and how long it took.
        var checkpoint: (result: Result<Void, TablesError>, effort: CheckpointEffort)?
        /// Blocks of streams that were ordered.
        var blocks: [LoadedBlocks] = []
        /// What became of another member's state that was to take the tables' place.
        package var installation: Result<Void, TablesError>?
        var tablesSize: TablesSize?
        /// The log goes on as long as it can.
        var segmentTrouble: StorageError?
        var logFailure: StorageError?
        var logClosed = false

        var isEmpty: Bool {
            synced == nil && checkpoint == nil && blocks.isEmpty && installation == nil && tablesSize == nil
                && segmentTrouble == nil && logFailure == nil && !logClosed
        }
    }

    private let mail = Mutex(Mail())
    private let eventLoop: any EventLoop
    private let onMail: @Sendable () -> Void

    /// - Parameter onMail: called on the loop; it takes the mail.
    package init(eventLoop: any EventLoop, onMail: @escaping @Sendable () -> Void) {
        self.eventLoop = eventLoop
        self.onMail = onMail
    }

    /// From any thread.
    func post(_ change: (inout Mail) -> Void) {
        let wasEmpty = mail.withLock { mail in
            defer { change(&mail) }
            return mail.isEmpty
        }
        if wasEmpty { eventLoop.execute(onMail) }
    }

    package func take() -> Mail {
        mail.withLock { mail in
            defer { mail = Mail() }
            return mail
        }
    }
}
