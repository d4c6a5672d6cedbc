// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Spoils the network between members, heals it, and begins anew.
struct NetworkNemesis {
    let cluster: TortureCluster
    let faults: [FaultKind]
    var random: SeededRandom
    let tell: @Sendable (String) -> Void

    /// Some are over before an election, some outlast it.
    private static let lengthMilliseconds = 200..<3_500
    private static let pauseMilliseconds = 300..<2_500

    /// Runs until the end.
    mutating func run(until end: ContinuousClock.Instant) async {
        guard !faults.isEmpty else { return }
        while ContinuousClock.now < end, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(Int.random(in: Self.pauseMilliseconds, using: &random)))
            guard ContinuousClock.now < end else { break }
            await spoil()
            try? await Task.sleep(for: .milliseconds(Int.random(in: Self.lengthMilliseconds, using: &random)))
            cluster.surroundings.wires.heal()
            tell("the network is whole")
        }
    }

    private mutating func spoil() async {
        let kind = faults.drawn(&random)
        let names = cluster.members.map(\.name)
        var victim = names[random.below(names.count)]
        if random.below(2) == 0, let leader = await cluster.leader() { victim = cluster.member(leader).name }
        var rules: [FaultWires.Pair: FaultWires.Rule] = [:]
        func set(_ from: String, _ to: String, _ rule: FaultWires.Rule) { rules[.init(from: from, to: to)] = rule }
        switch kind {
        case .isolate:
            tell("\(victim) hears nobody, and nobody hears it")
            for name in names where name != victim {
                set(name, victim, .stall)
                set(victim, name, .stall)
            }
        case .split:
            // With one in both halves, where three are too few for two real ones.
            let mixed = names.shuffled(using: &random)
            let left = mixed.prefix(names.count / 2)
            let right = mixed.suffix(names.count / 2)
            tell("\(left.joined(separator: ", ")) and \(right.joined(separator: ", ")) don't hear each other")
            for one in left {
                for other in right {
                    set(one, other, .stall)
                    set(other, one, .stall)
                }
            }
        case .oneWay:
            let isDeaf = random.below(2) == 0
            tell(isDeaf ? "\(victim) hears nobody" : "nobody hears \(victim)")
            for name in names where name != victim {
                if isDeaf { set(name, victim, .stall) } else { set(victim, name, .stall) }
            }
        case .cut:
            tell("connections of \(victim) break")
            for name in names where name != victim {
                set(name, victim, .cut)
                set(victim, name, .cut)
            }
        default:
            let delay = 1 + random.below(150)
            let rate = 20_000 << random.below(8)
            tell("links are slow: \(delay) ms, \(rate) bytes a second")
            for one in names {
                for other in names where one != other && random.below(3) > 0 {
                    set(one, other, .slow(delay: .milliseconds(delay), bytesPerSecond: rate))
                }
            }
        }
        cluster.surroundings.wires.set(rules)
    }
}

extension [FaultKind] {
    /// One of them, by weight; there is one.
    func drawn(_ random: inout SeededRandom) -> FaultKind {
        var place = random.below(reduce(0) { $0 + $1.weight })
        for kind in self {
            place -= kind.weight
            if place < 0 { return kind }
        }
        preconditionFailure("the weights don't add up")
    }
}
