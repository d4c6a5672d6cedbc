// SPDX-License-Identifier: Apache-2.0

package import MartletStorage
import Synchronization

extension SimulatedDisk {
    /// How many operations that change something there have been.
    package var operationCount: Int { state.withLock { $0.operationCount } }

    /// The power goes, or the process ends, during the operation of that number, counted from the disk's first: it
    /// happens in part, and it and all later ones fail until `restart`.
    package func crash(atOperation number: Int) {
        state.withLock { $0.crashAt = number }
    }

    /// Whether the power is gone.
    package var isDown: Bool { state.withLock { $0.isDown } }

    /// What a new process finds: everything that was open is closed, and what was not synced is treated as `loss` says.
    package func restart(losing loss: Loss) {
        state.withLock { $0.restart(losing: loss) }
    }

    /// The next operations of this kind fail, each once, with an error of this code. A sync that fails drops what it
    /// was to write, as kernels do: readers still see it, a crash does not leave it.
    package func fail(_ operation: Operation, _ code: StorageError.Code = .inputOutput, times: Int = 1) {
        state.withLock { $0.failures += Array(repeating: (operation, code), count: times) }
    }

    /// Whatever was to fail or to end does not.
    package func relieve() {
        state.withLock { state in
            state.failures = []
            state.crashAt = nil
            state.capacity = nil
        }
    }

    /// Bytes of all files.
    package var usedBytes: Int { state.withLock { $0.usedBytes } }

    /// From now on a file's sync does nothing and says that it has: what a program that forgets to sync looks like.
    package func ignoreSyncs() {
        state.withLock { $0.ignoresSyncs = true }
    }

    /// Bytes that all files together may take; nil for no limit.
    package var capacity: Int? {
        get { state.withLock { $0.capacity } }
        set { state.withLock { $0.capacity = newValue } }
    }

    /// What readers see in a file.
    package func content(of path: String) -> [UInt8]? {
        state.withLock { state in
            guard let node = state.node(path), case .file(let file) = state.nodes[node] else { return nil }
            return file.content
        }
    }

    /// Puts other bytes into a file, on disk at once: damage, or a file from elsewhere. Makes the file if need be.
    package func replace(_ path: String, with bytes: [UInt8]) throws(StorageError) {
        try state.withLock { state throws(StorageError) in
            let file = SimulatedContent(durable: bytes)
            if let node = state.node(path) {
                state.nodes[node] = .file(file)
            } else {
                let node = state.add(.file(file))
                try state.enter(path, node)
                try state.changeFolder(state.existing(SimulatedDiskState.split(path).folder)) { $0.sync() }
            }
        }
    }
}
