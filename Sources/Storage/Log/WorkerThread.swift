// SPDX-License-Identifier: Apache-2.0

import CMartletPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A thread of one's own, for what blocks.
enum WorkerThread {
    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void

        init(_ name: String, _ run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// The thread ends with `run`. It gets no signals, so none interrupts a sync. `name` has at most 15 bytes.
    static func start(_ name: String, _ run: @escaping @Sendable () -> Void) throws(StorageError) {
        // The thread takes over this reference, or it is given back below: it is released exactly once.
        let body = Unmanaged.passRetained(Body(name, run))
        #if canImport(Darwin)
        var thread: pthread_t?
        let failure = pthread_create(&thread, nil, { Self.main($0) }, body.toOpaque())
        #else
        var thread = pthread_t()
        let failure = pthread_create(&thread, nil, { Self.main($0) }, body.toOpaque())
        #endif
        guard failure == 0 else {
            body.release()
            throw PosixFailure.error("starting the thread \(name)", failure)
        }
        #if canImport(Darwin)
        if let thread { pthread_detach(thread) }
        #else
        pthread_detach(thread)
        #endif
    }

    private static func main(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let argument else { return nil }
        // The pointer is the reference that `start` retained for this thread.
        let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
        var signals = sigset_t()
        sigfillset(&signals)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        martlet_name_thread(body.name)
        body.run()
        return nil
    }
}
