// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore

/// The executors of a group's event loops.
package struct LoopExecutors: Sendable {
    private let executors: [ObjectIdentifier: LoopExecutor]
    package let holdWatch: HoldWatch

    package init(group: any EventLoopGroup, logger: Logger) {
        let holdWatch = HoldWatch(logger: logger)
        var executors: [ObjectIdentifier: LoopExecutor] = [:]
        for loop in group.makeIterator() {
            executors[ObjectIdentifier(loop)] = LoopExecutor(eventLoop: loop, holdWatch: holdWatch)
        }
        self.executors = executors
        self.holdWatch = holdWatch
    }

    /// The executor of a loop of this group.
    package func executor(for loop: any EventLoop) -> LoopExecutor {
        guard let executor = self.executors[ObjectIdentifier(loop)] else {
            preconditionFailure("the event loop belongs to another group")
        }
        return executor
    }

    /// To be called before the group shuts down.
    package func stop() {
        for executor in self.executors.values { executor.stop() }
    }
}
