// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletEtcdAPI
package import MartletKeyValue

extension WatchRequest {
    package init(_ message: Etcdserverpb_WatchCreateRequest) {
        self.init(key: message.key.bytes, rangeEnd: message.rangeEnd.bytes)
        startRevision = message.startRevision
        skipsPuts = message.filters.contains(.noput)
        skipsDeletes = message.filters.contains(.nodelete)
        wantsPrevious = message.prevKv
        watchID = WatchID(message.watchID)
    }
}
