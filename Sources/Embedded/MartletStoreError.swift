// SPDX-License-Identifier: Apache-2.0

internal import MartletNode

/// Why a store can't be opened, or can't go on. What its clients ask fails with their own errors.
public struct MartletStoreError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        private init(_ description: String) { self.description = description }

        /// An address, such as `MARTLET_STORE`, can't be read.
        public static let invalidAddress = Code("invalidAddress")
        /// The store lacks something that the program requires.
        public static let lacking = Code("lacking")
        /// Keys are in one Martlet cluster, and streams in another.
        public static let separateClusters = Code("separateClusters")
        /// The servers don't answer, or don't let the program in.
        public static let unavailable = Code("unavailable")
        /// Another process, or another store of this one, has the folder.
        public static let inUse = Code("inUse")
        /// The folder can't be used: it is damaged, somebody else's, or not writable.
        public static let unusableFolder = Code("unusableFolder")
        /// The store ran and can't go on: its disk has failed.
        public static let failed = Code("failed")
    }

    public let code: Code
    /// A sentence for whoever runs the program.
    public let message: String
    /// What led to it, where something did.
    public let cause: (any Error)?

    init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    public var description: String { message }
}

extension MartletStoreError {
    /// What kept a folder from being opened.
    init(opening path: String, _ error: any Error) {
        switch error {
        case let error as MartletStoreError: self = error
        case let failure as MemberFailure:
            self.init(
                failure.isLocked ? .inUse : .unusableFolder, "the store in \(path) can't be opened: \(failure)",
                cause: failure)
        default: self.init(.failed, "the store in \(path) can't be opened: \(error)", cause: error)
        }
    }
}
