// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The loops whose connections reach a member: its own, and others beside it.
struct LoopBridges: Sendable {
    private let memberLoop: any EventLoop
    private let bridges: [LoopBridge]

    /// - Parameter loops: of all connections; the member's may be among them.
    init(memberLoop: any EventLoop, serving loops: [any EventLoop]) {
        self.memberLoop = memberLoop
        bridges = loops.filter { $0 !== memberLoop }.map {
            LoopBridge(connectionLoop: $0, memberLoop: memberLoop)
        }
    }

    /// The way from `loop` to the member; nil where they are the same.
    func bridge(from loop: any EventLoop) -> LoopBridge? {
        if loop === memberLoop { return nil }
        guard let bridge = bridges.first(where: { $0.connectionLoop === loop }) else {
            preconditionFailure("a connection on a loop that the server was not told of")
        }
        return bridge
    }
}
