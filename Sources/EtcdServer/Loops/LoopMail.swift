// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import Synchronization

/// Hands items from one event loop to another, a batch a turn: what is sent within one turn of the sender's loop goes
/// together, and a receiver that is behind finds all that came meanwhile. Items arrive in the order they were sent.
///
/// `@unchecked Sendable`: `outgoing` and `wasBehind` are touched only on the sender's loop, as ``send(_:)`` and
/// ``isBehind`` demand; what both loops touch is behind `waiting`.
package final class LoopMail<Item: Sendable>: @unchecked Sendable {
    private struct Waiting {
        var items: [Item] = []
        var isScheduled = false
    }

    private let sender: any EventLoop
    private let receiver: any EventLoop
    private let deliver: @Sendable ([Item]) -> Void
    private let waiting = Mutex(Waiting())

    // MARK: Confined to the sender's loop

    private var outgoing: [Item] = []
    private var wasBehind = false

    /// Whether the receiver has left more than ``maximumWaiting`` items where they were when a batch went, and has not
    /// gone on since: whoever can refuse work should. On the sender's loop.
    package var isBehind: Bool {
        // Asked anew: a sender that refuses everything sends nothing by which it could learn of the change.
        if wasBehind { wasBehind = waiting.withLock { $0.items.count > Self.maximumWaiting } }
        return wasBehind
    }

    /// What a member answers in about a tenth of a second. A request has 2 MiB at most; clients that send such ones are
    /// held back by the windows of their connections, which are given back once a message is read.
    package static var maximumWaiting: Int { 1 << 14 }

    /// - Parameter deliver: called on the receiver's loop, with at least one item.
    package init(
        from sender: any EventLoop, to receiver: any EventLoop, deliver: @escaping @Sendable ([Item]) -> Void
    ) {
        self.sender = sender
        self.receiver = receiver
        self.deliver = deliver
    }

    /// On the sender's loop.
    package func send(_ item: Item) {
        outgoing.append(item)
        guard outgoing.count == 1 else { return }
        // Runs when what the loop does now is done: other sockets may have something, too.
        sender.execute { self.flush() }
    }

    private func flush() {
        let batch = outgoing
        outgoing.removeAll(keepingCapacity: true)
        let (mustWake, isBehind) = waiting.withLock { waiting in
            waiting.items.append(contentsOf: batch)
            defer { waiting.isScheduled = true }
            return (!waiting.isScheduled, waiting.items.count > Self.maximumWaiting)
        }
        wasBehind = isBehind
        if mustWake { receiver.execute { self.receive() } }
    }

    private func receive() {
        let batch = waiting.withLock { waiting in
            defer { waiting = Waiting() }
            return waiting.items
        }
        deliver(batch)
    }
}
