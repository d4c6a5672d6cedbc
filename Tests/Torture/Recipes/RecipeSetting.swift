// SPDX-License-Identifier: Apache-2.0

import Dispatch

/// What the run of a recipe has: what it is asked for, a folder, and how to begin members.
struct RecipeSetting {
    let options: RecipeOptions
    let folder: String
    let surroundings: TortureMember.Surroundings
    /// Says what happens.
    let tell: @Sendable (String) -> Void

    init(_ options: RecipeOptions, _ folder: String, _ surroundings: TortureMember.Surroundings) {
        (self.options, self.folder, self.surroundings) = (options, folder, surroundings)
        tell = Recipes.teller(options.isTold)
    }

    /// Has `body` use a cluster, whose members don't run yet, and ends those that do afterwards. A signal that ends
    /// this program ends them, too, where that is asked for.
    func withCluster<Value>(
        of count: Int, in folder: String, _ body: (TortureCluster) async throws -> Value
    ) async throws -> Value {
        let cluster = try await TortureCluster(folder, count: count, surroundings)
        let signals = options.endsOnSignals ? cluster.endingOnSignals() : []
        func end() async {
            await Recipes.end(cluster)
            for signal in signals { signal.cancel() }
        }
        do {
            let value = try await body(cluster)
            await end()
            return value
        } catch {
            await end()
            throw error
        }
    }
}
