// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletReplica
import MartletStorage
import MartletWALCodec

/// Where a member's batches go. All calls on the home loop; what becomes of them comes by the mailbox.
protocol MemberLog: AnyObject {
    /// Takes the batch and leaves an empty one, or leaves it as it is if there is no room.
    func submit(_ batch: inout LogBatch, _ number: BatchNumber) -> LogWriter.Submission
    func release(below index: LogIndex)
    /// `Mail.logClosed` or `Mail.logFailure` follows.
    func close()
}

/// The log on disk.
final class DiskLog: MemberLog {
    private let writer: LogWriter

    init(_ data: OpenedData, mailbox: MemberMailbox) throws(StorageError) {
        guard let appender = data.takeAppender() else { preconditionFailure("a folder's log has one writer") }
        writer = try LogWriter(appender, configuration: data.logConfiguration) { event in
            mailbox.post { mail in
                switch event {
                case .synced(let progress):
                    mail.synced = BatchNumber(progress.batch)
                    mail.syncs.append((progress.duration, progress.effort))
                case .failed(let error): mail.logFailure = error
                case .closed: mail.logClosed = true
                }
            }
        }
    }

    func submit(_ batch: inout LogBatch, _ number: BatchNumber) -> LogWriter.Submission {
        let result = writer.submit(&batch)
        if case .accepted(let given) = result {
            precondition(given == number.rawValue, "the log counts \(given) where the replica counts \(number)")
        }
        return result
    }

    func release(below index: LogIndex) { writer.release(below: index) }

    func close() { writer.close() }
}

/// A log that keeps nothing, for a member that lives as long as its process: everything is as durable as it gets at
/// once.
final class MemoryLog: MemberLog {
    private let mailbox: MemberMailbox

    init(mailbox: MemberMailbox) {
        self.mailbox = mailbox
    }

    func submit(_ batch: inout LogBatch, _ number: BatchNumber) -> LogWriter.Submission {
        batch.removeAll()
        mailbox.post { $0.synced = number }
        return .accepted(batch: number.rawValue)
    }

    func release(below index: LogIndex) {}

    func close() {
        mailbox.post { $0.logClosed = true }
    }
}
