// SPDX-License-Identifier: Apache-2.0

/// Which node takes a call.
///
/// A selector is a pure function of the nodes that may be chosen and of the number of the call. Calls are counted per
/// service over the whole life of a client, so ``roundRobin`` goes round across calls, not only across retries.
public struct NodeSelector: Sendable {
    private let choose: @Sendable (_ nodes: [NodeRecord], _ call: UInt64) -> Int

    package let strategy: Strategy

    /// What the client may do without asking ``choose``: the two built-in selectors need no list of records.
    package enum Strategy: Sendable {
        case roundRobin
        case random(seed: UInt64)
        case custom
    }

    /// A selector of your own.
    ///
    /// - Parameter choose: Gets the nodes, never none, and the number of the call to this service, and returns a
    ///   position among the nodes; a position out of range is taken modulo their number.
    public init(_ choose: @escaping @Sendable (_ nodes: [NodeRecord], _ call: UInt64) -> Int) {
        self.choose = choose
        self.strategy = .custom
    }

    private init(_ strategy: Strategy) {
        self.choose = { _, _ in 0 }
        self.strategy = strategy
    }

    /// Each node in turn, across calls.
    public static var roundRobin: NodeSelector { NodeSelector(.roundRobin) }

    /// Any node with the same chance.
    public static var random: NodeSelector { .random(seed: .random(in: 0...UInt64.max)) }

    /// Like ``random``, the same choices for the same seed.
    public static func random(seed: UInt64) -> NodeSelector { NodeSelector(.random(seed: seed)) }

    /// The position of the node that takes call number `call`.
    ///
    /// - Parameters:
    ///   - count: How many nodes there are, at least one.
    ///   - nodes: Gives their records; only asked by a selector of the user's own.
    package func position(call: UInt64, count: Int, nodes: () -> [NodeRecord]) -> Int {
        precondition(count > 0, "a selector needs a node to choose")
        switch self.strategy {
        case .roundRobin: return Int(call % UInt64(count))
        case .random(let seed): return Int(Self.mixed(seed &+ call &* 0x9E37_79B9_7F4A_7C15) % UInt64(count))
        case .custom:
            let position = self.choose(nodes(), call) % count
            return position < 0 ? position + count : position
        }
    }

    /// The finisher of SplitMix64, which turns a counter into evenly spread bits.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var bits = value
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
