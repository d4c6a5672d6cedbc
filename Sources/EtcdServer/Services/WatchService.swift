// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire

/// etcdserverpb.Watch.
package struct WatchService {
    package let store: MemberStore

    package init(store: MemberStore) {
        self.store = store
    }

    package func watch(_ call: any EtcdCall) -> any ServerCallEvents {
        WatchStream(store: store, call: call)
    }
}
