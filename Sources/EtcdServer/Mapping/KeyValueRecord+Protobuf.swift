// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletEtcdAPI
package import MartletKeyValue

extension Mvccpb_KeyValue {
    package init(_ record: KeyValueRecord) {
        self.init()
        key = record.key.data
        createRevision = record.createRevision
        modRevision = record.modRevision
        version = record.version
        value = record.value.data
        lease = record.lease.rawValue
    }
}
