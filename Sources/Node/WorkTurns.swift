// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Lets long work go on piece by piece on an event loop, so that sockets are read between.
///
/// NIO looks at sockets only when no task is left: pieces that each ask for the next would keep clients, and other
/// members, waiting until all of them are done. So when pieces have followed each other for a while the next is due a
/// moment later, and NIO ends its turn. All that works so on one loop shares one of these: a pause of one is none while
/// another goes on. Confined to the loop.
package final class WorkTurns {
    private let eventLoop: any EventLoop
    /// Since when piece has followed piece without a look at sockets.
    private var begin: NIODeadline?
    /// Pieces that were asked for and haven't begun.
    private var waiting = 0

    package init(on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Runs a piece soon. Ask for it as the last act of what goes before: a pause that is over when NIO looks for more
    /// tasks is none.
    package func next(_ piece: @escaping () -> Void) {
        waiting += 1
        let begin = begin ?? eventLoop.now
        self.begin = begin
        if eventLoop.now - begin < Self.turn {
            eventLoop.assumeIsolated().execute { self.run(piece) }
        } else {
            eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
                self.begin = nil
                self.run(piece)
            }
        }
    }

    private func run(_ piece: () -> Void) {
        waiting -= 1
        piece()
        if waiting == 0 { begin = nil }
    }

    /// How long pieces may go on while sockets wait: about as long as any one step.
    private static let turn = TimeAmount.milliseconds(1)
    /// Long enough not to be over when NIO looks for more tasks, and nothing beside a turn.
    private static let pause = TimeAmount.microseconds(20)
}
