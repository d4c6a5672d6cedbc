// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletEtcdAPI
package import MartletKeyValue

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Mvccpb_KeyValue {
    package init(_ record: KeyValueRecord) {
        self.init()
        (key, value) = record.withContent { (Data(copying: $1), Data(copying: $2)) }
        createRevision = record.createRevision
        modRevision = record.modRevision
        version = record.version
        lease = record.lease.rawValue
    }
}

extension Data {
    fileprivate init(copying bytes: RawSpan) {
        // The bytes are read while the span lives.
        self = bytes.withUnsafeBytes { Data($0) }
    }
}
