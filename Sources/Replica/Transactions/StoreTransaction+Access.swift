// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
import MartletKeyValue
import MartletKeyspace

/// Rights on keys are those of etcd's transaction; a stream's name is under the same ranges: who asks something of a
/// stream reads it, who changes it or acknowledges its entries writes it. Where dead letters go was said by somebody
/// who may write there.
extension StoreTransaction: KeyAccessing {
    /// All conditions and both sides, nested transactions included, whichever would run.
    public func forEachAccess(_ visit: (KeyAccess) throws(AuthError) -> Void) throws(AuthError) {
        try keyPart.forEachAccess(visit)
        try forEachStreamAccess(visit)
    }

    private func forEachStreamAccess(_ visit: (KeyAccess) throws(AuthError) -> Void) throws(AuthError) {
        for case .streams(let compare) in conditions { try visit(.read(.key(compare.stream))) }
        for side in [success, failure] {
            for operation in side.operations {
                switch operation {
                case .keys: continue
                case .transaction(let inner): try inner.forEachStreamAccess(visit)
                case .streams(let operation): try visit(.write(.key(operation.stream)))
                }
            }
        }
    }
}
