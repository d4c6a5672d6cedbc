// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEmbedded

/// The process that takes messages and has its effects, until it is killed. What it finds worth telling it prints.
enum WorkerProgram {
    /// Lines of a worker's output begin with these.
    enum Line {
        static let claimed = "claimed "
        static let refused = "refused"
        static let failed = "failed "
    }

    static func tell(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

    static func run(_ options: WorkerOptions) async -> Never {
        // Whoever started it holds the other end: it mustn't outlive that.
        Thread.detachNewThread {
            while !FileHandle.standardInput.availableData.isEmpty {}
            exit(0)
        }
        do {
            let address = ProcessInfo.processInfo.environment[MartletStore.variable] ?? ""
            let store = try await Recipes.persist(for: .seconds(180)) { try await Recipes.open(address) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lane in 0..<options.lanes {
                    group.addTask {
                        var lane = EffectLane(store: store, consumer: "\(options.name).\(lane)", options: options)
                        try await lane.run()
                    }
                }
                try await group.waitForAll()
            }
        } catch {
            tell(Line.failed + "\(error)")
        }
        exit(1)
    }
}
