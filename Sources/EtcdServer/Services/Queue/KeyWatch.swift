// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletGRPCWire
import MartletKeyValue
import NIOCore

/// Tells when keys change, inside the server. Ends by ``cancel()``; whoever made it must keep it until then.
final class KeyWatch: WatchSink {
    enum News {
        case events([WatchEvent])
        /// History that was still needed is compacted: look at the present state again.
        case lostHistory
        case stopped(GRPCStatus)
    }

    /// They are handed on at once.
    let pendingEventCount = 0
    private let store: MemberStore
    private let stream: WatchStreamID
    private var handler: ((News) -> Void)?

    init(_ request: WatchRequest, of store: MemberStore, handler: @escaping (News) -> Void) throws(KeyValueError) {
        self.store = store
        self.handler = handler
        stream = store.keyValue.openWatchStream()
        do throws(KeyValueError) {
            _ = try store.keyValue.createWatch(request, on: stream)
        } catch {
            store.keyValue.closeWatchStream(stream)
            throw error
        }
        store.watchStreams[stream] = self
        // History, if any, comes when the caller has finished its turn: the handler never runs inside this call.
        store.eventLoop.assumeIsolated().execute { store.deliverWatches() }
    }

    func cancel() {
        guard handler != nil else { return }
        handler = nil
        store.watchStreams[stream] = nil
        store.keyValue.closeWatchStream(stream)
    }

    func deliver(_ delivery: WatchDelivery, encoder: inout WatchEventEncoder) -> Bool {
        switch delivery.content {
        case .events(let events): handler?(.events(events))
        case .canceled: handler?(.lostHistory)
        }
        return false
    }

    func flush() {}

    func end(_ status: GRPCStatus) {
        let handler = handler
        cancel()
        handler?(.stopped(status))
    }
}
