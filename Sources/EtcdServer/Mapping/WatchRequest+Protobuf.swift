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

extension Mvccpb_Event {
    package init(_ event: WatchEvent) {
        self.init()
        type =
            switch event.kind {
            case .put: .put
            case .delete: .delete
            }
        kv = Mvccpb_KeyValue(event.record)
        if let previous = event.previous { prevKv = Mvccpb_KeyValue(previous) }
    }
}
