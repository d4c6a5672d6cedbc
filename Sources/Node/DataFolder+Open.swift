// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRaft
package import MartletReplica
package import MartletStorage
package import MartletWALCodec

extension DataFolder {
    /// Opens what is there, whatever happened to the member before, or begins a new one. Blocks, for as long as reading
    /// the checkpoint and the log behind it takes.
    ///
    /// - Parameters:
    ///   - configuration: its `member` is overwritten by what the log says.
    ///   - metadata: of a new member. One that exists keeps its own.
    ///   - isAlone: whether the member is to go on as a cluster of its own, whoever belonged to it; see `LoneMember`.
    package func open(
        _ configuration: ReplicaConfiguration, new metadata: WALMetadata, at moment: Moment, isAlone: Bool = false
    ) throws(MemberFailure) -> OpenedData {
        let lock = try claim()
        do throws(MemberFailure) {
            return try open(configuration, new: metadata, at: moment, lock: lock, isAlone: isAlone)
        } catch {
            lock.unlock()
            throw error
        }
    }

    private func open(
        _ configuration: ReplicaConfiguration, new metadata: WALMetadata, at moment: Moment, lock: any LogFolderLock,
        isAlone: Bool
    ) throws(MemberFailure) -> OpenedData {
        var state = try restoredState(configuration, at: moment)
        let folder = LogFolder(files: logFiles, path: logPath, configuration: logConfiguration)
        let trouble = SegmentTrouble()
        var opened = try openLog(folder, state, metadata, trouble)
        if try finishInstallation(state, opened.recovery) {
            do throws(StorageError) {
                var appender = opened.intoAppender()
                try appender.close()
            } catch {
                throw .log(error)
            }
            state = try restoredState(configuration, at: moment)
            opened = try openLog(folder, state, metadata, trouble)
        }
        let tables = try openTables()
        do throws(MemberFailure) {
            guard let found = opened.recovery.metadata.flatMap(WALMetadata.init) else { throw .noMetadata(logPath) }
            var configuration = configuration
            configuration.member = MemberID(found.memberID)
            if isAlone { opened = try leaveAlone(opened, configuration, state, folder, trouble) }
            let replica: Replica
            do throws(ReplicaFailure) {
                replica = try Replica(configuration, restoring: state, log: opened.recovery, at: moment)
            } catch {
                try? opened.appender.close()
                throw .replica(error)
            }
            return OpenedData(
                replica: replica, metadata: found, repair: opened.repair, tables: tables, folder: self,
                logConfiguration: logConfiguration, lock: lock, trouble: trouble, appender: opened.intoAppender())
        } catch {
            tables.close()
            throw error
        }
    }

    /// Another member's state had arrived whole, and the log says that it takes the place of the tables: a crash came
    /// between.
    ///
    /// - Returns: whether the tables are others now.
    private func finishInstallation(_ state: RestoredState, _ log: WALRecovery) throws(MemberFailure) -> Bool {
        let files = PosixFileSystem()
        do throws(StorageError) {
            try removeSpools()
            try removeArriving()
            guard try files.exists(arrivedFile) else { return false }
        } catch {
            throw .log(error)
        }
        let arrived: AppliedPosition
        do {
            let tables = try Tables(path: arrivedFile, tables: ReplicaCheckpoint.tables)
            defer { tables.close() }
            arrived = try tables.read(until: nil) { try TablesWalk.state($0).applied }
        } catch let error as TablesError {
            throw .tables(error, file: arrivedFile)
        } catch {
            throw .unexpected("the state that another member sent can't be read: \(error)")
        }
        let isWanted =
            arrived.index > state.applied.index
            && log.snapshots.contains { $0.index == arrived.index && $0.term == arrived.term }
        do throws(StorageError) {
            guard isWanted else {
                try removeArrived()
                return false
            }
            if try files.exists(tablesFile + "-lock") { try files.remove(tablesFile + "-lock") }
            try files.rename(arrivedFile, to: tablesFile)
            try files.syncFolder(tablesPath)
            return true
        } catch {
            throw .log(error)
        }
    }

    /// What the tables hold. They are closed behind it: the pages that were read would count as this process's memory.
    private func restoredState(
        _ configuration: ReplicaConfiguration, at moment: Moment
    ) throws(MemberFailure) -> RestoredState {
        let tables = try openTables()
        defer { tables.close() }
        // The file's name, too: the log is released up to what it holds.
        do throws(StorageError) { try PosixFileSystem().syncFolder(tablesPath) } catch { throw .log(error) }
        return try Self.restore(configuration, from: tables, at: moment)
    }

    private func openTables() throws(MemberFailure) -> Tables {
        do throws(TablesError) {
            return try Tables(path: tablesFile, tables: ReplicaCheckpoint.tables)
        } catch {
            throw .tables(error, file: tablesFile)
        }
    }

    private func openLog(
        _ folder: LogFolder, _ state: RestoredState, _ metadata: WALMetadata, _ trouble: SegmentTrouble
    ) throws(MemberFailure) -> OpenedLog {
        let source = LogFolder.background { trouble.report($0) }
        do throws(StorageError) {
            if try !folder.exists, state.applied.index == .zero {
                // It is opened at once: nothing is made ahead of that.
                var appender = try folder.create(metadata: metadata.encoded, source: LogFolder.inline)
                try appender.close()
            }
            if try folder.exists { return try folder.open(after: state.applied.index, source: source) }
        } catch {
            throw .log(error)
        }
        throw .logMissing(path)
    }

    /// The log with what `LoneMember` adds to it, on disk.
    private func leaveAlone(
        _ opened: consuming OpenedLog, _ configuration: ReplicaConfiguration, _ state: RestoredState,
        _ folder: LogFolder, _ trouble: SegmentTrouble
    ) throws(MemberFailure) -> OpenedLog {
        let recovery = opened.recovery
        let repair = opened.repair
        let alone: LoneMember?
        do throws(ReplicaFailure) {
            alone = try LoneMember(configuration, state, recovery)
        } catch {
            throw .replica(error)
        }
        guard let alone else { return opened }
        var appender = opened.intoAppender()
        do throws(StorageError) {
            try appender.append(alone.batch)
            try appender.close()
            var again = try folder.open(
                after: state.applied.index, source: LogFolder.background { trouble.report($0) })
            again.repair = repair
            return again
        } catch {
            throw .log(error)
        }
    }

    /// The state that the tables hold: an empty one where they hold none.
    ///
    /// Where blocks of streams may leave memory those that are sealed aren't read, if the index has them all: however
    /// much streams hold, this takes as long as what stands beside it.
    ///
    /// - Parameter examines: whether what isn't needed is read, too, and compared.
    package static func restore(
        _ configuration: ReplicaConfiguration, from tables: Tables, at moment: Moment, examines: Bool = false
    ) throws(MemberFailure) -> RestoredState {
        var restorer = ReplicaRestorer(configuration)
        var isEmpty = true
        do {
            // Nobody writes yet, so the read may take its time.
            try tables.read(until: nil) { reader in
                let mayLackBlocks = configuration.streamMemoryBytes != nil && !examines
                restorer.readsIndex = false
                for table in ReplicaCheckpoint.tables {
                    if table == KeyspaceTable.blocks, mayLackBlocks, try loadIndex(from: reader, into: &restorer) {
                        isEmpty = false
                    } else if table != KeyspaceTable.blockIndex || examines {
                        isEmpty = try !load(table, from: reader, into: &restorer) && isEmpty
                    }
                }
            }
            if isEmpty { return .empty(configuration) }
            let state = try restorer.finish(at: moment)
            // All of the file was looked at, and would count as memory.
            if configuration.streamMemoryBytes != nil { try tables.reopen() }
            return state
        } catch let error as TablesError {
            throw .tables(error, file: tables.path)
        } catch let error as CheckpointError {
            throw .checkpoint(error)
        } catch {
            throw .unexpected("the checkpoint can't be read: \(error)")
        }
    }

    /// - Returns: whether the table has records.
    private static func load(
        _ table: TableID, from reader: borrowing TableReader, into restorer: inout ReplicaRestorer
    ) throws -> Bool {
        var isThere = false
        try reader.forEach(in: table) { key, value in
            isThere = true
            try restorer.load(key, value)
            return true
        }
        return isThere
    }

    /// Of blocks, those that are open; of the sealed ones, what stands for them, and of some streams all of it.
    ///
    /// - Returns: `false` where something stands for some of them alone, or they are none.
    private static func loadIndex(
        from reader: borrowing TableReader, into restorer: inout ReplicaRestorer
    ) throws -> Bool {
        let open = restorer.openBlocks
        let indexed = try reader.count(of: KeyspaceTable.blockIndex)
        guard try indexed > 0 && reader.count(of: KeyspaceTable.blocks) == indexed + open.count else { return false }
        let whole = restorer.wholeStreams
        for number in whole.sorted() {
            try reader.forEach(in: KeyspaceTable.blocks, from: TableKey(KeyspaceTable.blocks, object: number)) {
                if $0.object != number { return false }
                try restorer.load($0, $1)
                return true
            }
        }
        _ = try load(KeyspaceTable.blockIndex, from: reader, into: &restorer)
        for key in open where !whole.contains(key.object) {
            guard let value = try reader.value(of: key) else { throw CheckpointError.inconsistent(key) }
            try restorer.load(key, value.span.bytes)
        }
        return true
    }
}
