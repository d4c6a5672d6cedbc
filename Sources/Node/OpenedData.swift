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
    let logConfiguration: LogConfiguration
    private let lock: any LogFolderLock
    private let appender: Mutex<LogAppender?>

    init(
        replica: Replica, metadata: WALMetadata, repair: LogRepair?, tables: Tables,
        logConfiguration: LogConfiguration, lock: any LogFolderLock, appender: consuming LogAppender
    ) {
        self.replica = replica
        self.metadata = metadata
        self.repair = repair
        self.tables = tables
        self.logConfiguration = logConfiguration
        self.lock = lock
        self.appender = Mutex(consume appender)
    }

    /// For the one who writes the log: nil the second time.
    func takeAppender() -> LogAppender? {
        appender.withLock { $0.take() }
    }

    /// Lets go of checkpoint and folder. The log's writer has ended.
    func close() {
        tables.close()
        lock.unlock()
    }
}
