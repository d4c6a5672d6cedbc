// SPDX-License-Identifier: Apache-2.0

/// What a worker's process is told.
struct WorkerOptions {
    /// The word on the command line that makes this program a worker.
    static let word = "worker"

    /// Nobody else ever has it: what a dead worker left is another's to claim.
    var name: String
    var batch: Int
    /// Consumers in the process, each with a batch of its own.
    var lanes = 3
    var wrong: RecipeOptions.Wrong?

    var arguments: [String] {
        [Self.word, name, "\(batch)", "\(lanes)"] + (wrong.map { [$0.rawValue] } ?? [])
    }

    init(name: String, batch: Int, wrong: RecipeOptions.Wrong?) {
        (self.name, self.batch, self.wrong) = (name, batch, wrong)
    }

    /// Of a command line; `nil` where it makes no worker.
    init?(_ arguments: [String]) {
        guard arguments.count >= 4, arguments[0] == Self.word, let batch = Int(arguments[2]),
            let lanes = Int(arguments[3])
        else { return nil }
        (self.name, self.batch, self.lanes) = (arguments[1], batch, lanes)
        if arguments.count > 4 { wrong = RecipeOptions.Wrong(rawValue: arguments[4]) }
    }
}
