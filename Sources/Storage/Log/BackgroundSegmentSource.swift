// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// Keeps one file ready ahead, made on a thread of its own, which also removes segments.
///
/// The thread rests after each piece of zeroes for as long as the piece took: the log's syncs get half of the disk at
/// least.
package final class BackgroundSegmentSource: SegmentSource {
    private struct State {
        var prepared: Result<PreparedSegment, StorageError>?
        var isWanted = true
        var removals: [String] = []
        var isClosed = false
        /// Files alternate between two names: one may still be on its way to its own name.
        var number = 0
    }

    private let maker: SegmentMaker
    private let state = Mutex(State())
    /// Work for the thread.
    private let work = DispatchSemaphore(value: 0)
    /// A result for who waits in `next`.
    private let ready = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    /// Called on the thread when no file could be made or removed; the log itself goes on until it needs one.
    private let onTrouble: @Sendable (StorageError) -> Void

    package init(
        _ files: any LogFileSystem, folder: String, _ configuration: LogConfiguration,
        onTrouble: @escaping @Sendable (StorageError) -> Void = { _ in }
    ) throws(StorageError) {
        maker = SegmentMaker(files: files, folder: folder, configuration: configuration)
        self.onTrouble = onTrouble
        try WorkerThread.start("martlet-segment") { self.run() }
        work.signal()
    }

    /// A file that could not be made ahead is tried once more, now: space may have been freed since.
    package func next() throws(StorageError) -> PreparedSegment {
        ready.wait()
        let result = state.withLock { state in
            defer { state.prepared = nil }
            return state.prepared
        }
        guard case .success(let prepared) = result else {
            let number = state.withLock { state in
                state.number += 1
                return state.number % 2
            }
            let prepared = try maker.make(number: number) { true }
            order()
            return prepared
        }
        order()
        return prepared
    }

    private func order() {
        state.withLock { $0.isWanted = true }
        work.signal()
    }

    package func remove(_ paths: [String]) {
        state.withLock { $0.removals += paths }
        work.signal()
    }

    /// Returns when the thread has let go of the folder: at most one piece of zeroes later.
    package func close() {
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        guard !wasClosed else { return }
        work.signal()
        ended.wait()
    }

    private func run() {
        while true {
            work.wait()
            let (removals, number, isClosed) = state.withLock { state in
                let removals = state.removals
                state.removals = []
                var number: Int?
                if state.isWanted, !state.isClosed {
                    state.isWanted = false
                    state.number += 1
                    number = state.number % 2
                }
                return (removals, number, state.isClosed)
            }
            if !removals.isEmpty { remove(now: removals) }
            if isClosed {
                discard()
                ended.signal()
                return
            }
            if let number { prepare(number) }
        }
    }

    private func remove(now paths: [String]) {
        do throws(StorageError) { try maker.remove(paths) } catch { onTrouble(error) }
    }

    private func prepare(_ number: Int) {
        let result: Result<PreparedSegment, StorageError>
        do throws(StorageError) {
            var start = DispatchTime.now().uptimeNanoseconds
            result = .success(
                try maker.make(number: number) {
                    rest(nanoseconds: DispatchTime.now().uptimeNanoseconds - start)
                    start = DispatchTime.now().uptimeNanoseconds
                    return !state.withLock { $0.isClosed }
                })
        } catch {
            result = .failure(error)
            if error.code != .stopped { onTrouble(error) }
        }
        state.withLock { $0.prepared = result }
        ready.signal()
    }

    private func rest(nanoseconds: UInt64) {
        // A semaphore nobody signals is a sleep that no signal cuts short.
        _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .nanoseconds(Int(min(nanoseconds, 1_000_000_000))))
    }

    /// A file that nobody took goes again.
    private func discard() {
        let result = state.withLock { state in
            defer { state.prepared = nil }
            return state.prepared
        }
        guard case .success(let prepared) = result else { return }
        prepared.file.close()
        try? maker.files.remove(prepared.path)
    }
}
