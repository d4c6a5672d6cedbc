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
        key = Data(record.keySlice)
        createRevision = record.createRevision
        modRevision = record.modRevision
        version = record.version
        value = Data(record.valueSlice)
        lease = record.lease.rawValue
    }
}
