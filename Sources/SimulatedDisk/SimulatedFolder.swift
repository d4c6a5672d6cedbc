// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// A folder: the names that readers see, those that a crash leaves, and the changes between the two, each of which
/// happens as a whole or not at all.
struct SimulatedFolder: Sendable {
    enum Change: Sendable {
        case create(String, Int)
        case rename(String, String, Int)
        case remove(String)
    }

    private(set) var names: [String: Int] = [:]
    private var durable: [String: Int] = [:]
    private var pending: [Change] = []

    init() {}

    mutating func note(_ change: Change) {
        Self.apply(change, to: &names)
        pending.append(change)
    }

    mutating func sync() {
        durable = names
        pending = []
    }

    mutating func crash(_ loss: SimulatedDisk.Loss, _ random: inout SeededRandom) {
        switch loss {
        case .nothing: return
        case .random:
            for change in pending where Bool.random(using: &random) { Self.apply(change, to: &durable) }
        case .everything: break
        }
        names = durable
        pending = []
    }

    private static func apply(_ change: Change, to names: inout [String: Int]) {
        switch change {
        case .create(let name, let node): names[name] = node
        case .rename(let old, let new, let node):
            if names[old] == node { names[old] = nil }
            names[new] = node
        case .remove(let name): names[name] = nil
        }
    }
}
