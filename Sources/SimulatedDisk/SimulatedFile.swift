// SPDX-License-Identifier: Apache-2.0

import MartletStorage

/// An open file of a `SimulatedDisk`. Dead after a restart.
final class SimulatedFile: LogFile {
    private let disk: SimulatedDisk
    private let node: Int
    private let boot: Int

    init(disk: SimulatedDisk, node: Int, boot: Int) {
        self.disk = disk
        self.node = node
        self.boot = boot
    }

    private func requireAlive(_ state: SimulatedDiskState) throws(StorageError) {
        if state.boot != boot { throw SimulatedDiskState.powerLoss }
    }

    func size() throws(StorageError) -> Int {
        try readAll().count
    }

    func readAll() throws(StorageError) -> [UInt8] {
        try disk.look { state throws(StorageError) in
            try requireAlive(state)
            guard case .file(let file) = state.nodes[node] else { throw StorageError(.inputOutput, "no file") }
            return file.content
        }
    }

    func write(_ bytes: RawSpan, at offset: Int) throws(StorageError) {
        // A span can't go into the closure that runs under the lock; its copy can.
        let copy = bytes.withUnsafeBytes { Array($0) }
        try disk.change(.write) { state throws(StorageError) in
            try requireAlive(state)
            try state.write(node, copy, at: offset)
        }
    }

    func preallocate(_ size: Int) throws(StorageError) {
        try disk.change(.preallocate) { state throws(StorageError) in
            try requireAlive(state)
            guard case .file(let file) = state.nodes[node], file.content.count < size else { return }
            try state.resize(node, to: size)
        }
    }

    func truncate(to size: Int) throws(StorageError) {
        try disk.change(.truncate) { state throws(StorageError) in
            try requireAlive(state)
            try state.resize(node, to: size)
        }
    }

    func sync() throws(StorageError) {
        try disk.change(.sync) { state throws(StorageError) in
            try requireAlive(state)
            try state.sync(node)
        }
    }

    func close() {}
}
