// SPDX-License-Identifier: Apache-2.0

package import MartletReplica
package import MartletStorage
package import MartletWALCodec
import Synchronization

/// A member as its folder has it, not yet running.
package final class OpenedData: Sendable {
    package let replica: Replica
    package let metadata: WALMetadata
    /// Set if the log's last write was torn, and has been cut off.
    package let repair: LogRepair?
    package let tables: Tables
    let folder: DataFolder
    let logConfiguration: LogConfiguration
    private let lock: any LogFolderLock
    private let appender: Mutex<LogAppender?>
    private let trouble: SegmentTrouble

    init(
        replica: Replica, metadata: WALMetadata, repair: LogRepair?, tables: Tables, folder: DataFolder,
        logConfiguration: LogConfiguration, lock: any LogFolderLock,
        trouble: SegmentTrouble, appender: consuming LogAppender
    ) {
        self.replica = replica
        self.metadata = metadata
        self.repair = repair
        self.tables = tables
        self.folder = folder
        self.logConfiguration = logConfiguration
        self.lock = lock
        self.trouble = trouble
        self.appender = Mutex(consume appender)
    }

    /// For the one who writes the log: nil the second time.
    func takeAppender() -> LogAppender? {
        appender.withLock { $0.take() }
    }

    /// - Parameter body: called on a thread when the log's next segment can't be made ahead.
    func onSegmentTrouble(_ body: @escaping @Sendable (StorageError) -> Void) {
        trouble.hear(body)
    }

    /// Lets go of checkpoint and folder. The log's writer has ended.
    func close() {
        tables.close()
        lock.unlock()
    }
}

/// Carries the log's trouble with its next segment to whoever runs the member, once somebody does.
final class SegmentTrouble: Sendable {
    private struct State {
        var last: StorageError?
        var listener: (@Sendable (StorageError) -> Void)?
    }

    private let state = Mutex(State())

    func report(_ error: StorageError) {
        let listener = state.withLock { state in
            if state.listener == nil { state.last = error }
            return state.listener
        }
        listener?(error)
    }

    func hear(_ listener: @escaping @Sendable (StorageError) -> Void) {
        let earlier = state.withLock { state in
            state.listener = listener
            return state.last.take()
        }
        if let earlier { listener(earlier) }
    }
}
