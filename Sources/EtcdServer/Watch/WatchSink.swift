// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletKeyValue

/// Whoever holds a watch stream of the store.
protocol WatchSink: AnyObject {
    /// - Returns: whether this is the first that ``flush()`` is to send.
    func deliver(_ delivery: WatchDelivery, encoder: inout WatchEventEncoder) -> Bool
    /// Sends what was delivered since the last time.
    func flush()
    /// Events that wait for the client to read.
    var pendingEventCount: Int { get }
    /// The member stops.
    func end(_ status: GRPCStatus)
}
