// SPDX-License-Identifier: Apache-2.0

public import MartletBasics
public import MartletKeyValue

/// A request that reads or writes keys and can say which.
public protocol KeyAccessing {
    /// Names every access that any course of the request could take.
    func forEachAccess(_ visit: (KeyAccess) throws(AuthError) -> Void) throws(AuthError)
}

extension RangeRequest: KeyAccessing {
    public func forEachAccess(_ visit: (KeyAccess) throws(AuthError) -> Void) throws(AuthError) {
        try visit(.read(interval))
    }
}

extension PutRequest: KeyAccessing {
    /// Answering with the previous record is reading.
    public func forEachAccess(_ visit: (KeyAccess) throws(AuthError) -> Void) throws(AuthError) {
        try visit(.write(.key(key)))
        if lease != .none { try visit(.attach(lease)) }
        if wantsPrevious { try visit(.read(.key(key))) }
    }
}

extension DeleteRangeRequest: KeyAccessing {
    public func forEachAccess(_ visit: (KeyAccess) throws(AuthError) -> Void) throws(AuthError) {
        try visit(.write(interval))
        if wantsPrevious { try visit(.read(interval)) }
    }
}

extension TxnRequest: KeyAccessing {
    /// All compares and both branches, nested transactions included, whichever would run.
    public func forEachAccess(_ visit: (KeyAccess) throws(AuthError) -> Void) throws(AuthError) {
        for condition in compare { try visit(.read(condition.interval)) }
        for operations in [success, failure] {
            for operation in operations { try operation.forEachAccess(visit) }
        }
    }
}

extension TxnRequest.Operation: KeyAccessing {
    public func forEachAccess(_ visit: (KeyAccess) throws(AuthError) -> Void) throws(AuthError) {
        switch self {
        case .range(let request): try request.forEachAccess(visit)
        case .put(let request): try request.forEachAccess(visit)
        case .deleteRange(let request): try request.forEachAccess(visit)
        case .txn(let request): try request.forEachAccess(visit)
        case .unset: return
        }
    }
}

/// Reading keys from now on, as a watch does: asked once, when the watch begins.
public struct WatchAccess: KeyAccessing {
    public var interval: KeyInterval

    public init(_ interval: KeyInterval) {
        self.interval = interval
    }

    public func forEachAccess(_ visit: (KeyAccess) throws(AuthError) -> Void) throws(AuthError) {
        try visit(.read(interval))
    }
}

/// What is done to a lease as a whole.
public struct LeaseAccess: KeyAccessing {
    public enum Purpose: Hashable, Sendable {
        /// Ending or renewing it decides over the attached keys.
        case control
        /// Naming the attached keys.
        case listKeys
    }

    public var purpose: Purpose
    public var lease: LeaseID
    /// The keys attached to the lease.
    public var keys: [[UInt8]]

    public init(_ purpose: Purpose, of lease: LeaseID, keys: [[UInt8]]) {
        self.purpose = purpose
        self.lease = lease
        self.keys = keys
    }

    public func forEachAccess(_ visit: (KeyAccess) throws(AuthError) -> Void) throws(AuthError) {
        for key in keys {
            switch purpose {
            case .control: try visit(.write(.key(key)))
            case .listKeys: try visit(.read(.key(key)))
            }
        }
    }
}
