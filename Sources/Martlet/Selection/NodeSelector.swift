// SPDX-License-Identifier: Apache-2.0

/// Which node takes a call.
///
/// What a selector needs to know of the nodes as a whole is worked out once each time they change. To choose one then
/// takes constant time, for ``consistentHash`` the logarithm of their number. Nodes that fail, or do much worse than
/// the others, aren't chosen while they do; see ``BreakerPolicy`` and ``EjectionPolicy``.
///
/// Calls are counted per service over the whole life of a client, so ``roundRobin`` goes round across calls, not only
/// across retries.
public struct NodeSelector: Sendable {
    package let strategy: Strategy

    package enum Strategy: Sendable {
        case roundRobin
        case random(seed: UInt64)
        case weighted(seed: UInt64)
        case leastOutstanding
        case powerOfTwoChoices(seed: UInt64)
        case consistentHash
        case closure(@Sendable (_ nodes: [NodeRecord], _ call: UInt64) -> Int)
        case prepared(SelectorIdentity)
    }

    /// A selector of your own, as a function of the nodes.
    ///
    /// - Parameter choose: Gets the nodes, never none, and the number of the call to this service, and returns a
    ///   position among the nodes; a position out of range is taken modulo their number.
    public init(_ choose: @escaping @Sendable (_ nodes: [NodeRecord], _ call: UInt64) -> Int) {
        self.strategy = .closure(choose)
    }

    /// A selector of your own that works something out once each time the nodes change, or learns from calls.
    ///
    /// - Parameter prepare: Gets the nodes, never none.
    public init(preparing prepare: @escaping @Sendable (_ nodes: [NodeRecord]) -> any PreparedSelector) {
        self.strategy = .prepared(SelectorIdentity(prepare))
    }

    private init(_ strategy: Strategy) { self.strategy = strategy }

    /// Whether the user's code chooses: it is asked even where there is one node only, since it may count or wait.
    var isUsersOwn: Bool {
        switch self.strategy {
        case .closure, .prepared: true
        case .roundRobin, .random, .weighted, .leastOutstanding, .powerOfTwoChoices, .consistentHash: false
        }
    }

    /// Each node in turn, across calls.
    public static var roundRobin: NodeSelector { NodeSelector(.roundRobin) }

    /// Any node with the same chance.
    public static var random: NodeSelector { .random(seed: .random(in: 0...UInt64.max)) }

    /// Like ``random``, the same choices for the same seed.
    public static func random(seed: UInt64) -> NodeSelector { NodeSelector(.random(seed: seed)) }

    /// Any node, with a chance in proportion to the number in its metadata under `weight`.
    ///
    /// A node that says nothing, or no number, weighs 1; one that weighs 0 gets no call as long as another weighs more.
    public static var weighted: NodeSelector { NodeSelector(.weighted(seed: .random(in: 0...UInt64.max))) }

    /// The node with the fewest calls of this client under way.
    ///
    /// Of more than ``leastOutstandingWindow`` nodes it is the best of so many that stand together at a random place.
    public static var leastOutstanding: NodeSelector { NodeSelector(.leastOutstanding) }

    /// So many nodes are looked at, to keep the choice cheap: among ten thousand as good as looking at all.
    public static let leastOutstandingWindow = 64

    /// Of two random nodes the one with fewer calls of this client under way: nearly as even as ``leastOutstanding``.
    public static var powerOfTwoChoices: NodeSelector {
        NodeSelector(.powerOfTwoChoices(seed: .random(in: 0...UInt64.max)))
    }

    /// The node that ``RequestOptions/key`` belongs to, the same for all clients, as long as the nodes stay.
    ///
    /// When a node comes or goes only its share of the keys moves. A node is known by its id: give nodes ids that
    /// survive a restart to let keys return. Calls without a key go to any node.
    public static var consistentHash: NodeSelector { NodeSelector(.consistentHash) }
}

/// A selector of your own, made for one list of nodes; see ``NodeSelector/init(preparing:)``.
public protocol PreparedSelector: Sendable {
    /// The position of the node that takes a call; one out of range is taken modulo the number of nodes.
    ///
    /// Asked again, with the next number, when the node is left alone because of its failures.
    func choose(_ choice: NodeChoice) -> Int

    /// Learns how a call to a node ended. Does nothing by default.
    func mark(_ node: NodeRecord, _ outcome: NodeOutcome)
}

extension PreparedSelector {
    public func mark(_ node: NodeRecord, _ outcome: NodeOutcome) {}
}

/// What a ``PreparedSelector`` may know of the call that it chooses a node for.
public struct NodeChoice: Sendable {
    /// The number of the choice among all for this service.
    public let number: UInt64
    /// The call's ``RequestOptions/key``.
    public let key: String?
    private let channels: [NodeChannel]

    init(number: UInt64, key: String?, channels: [NodeChannel]) {
        self.number = number
        self.key = key
        self.channels = channels
    }

    /// How many calls of this client a node has under way.
    ///
    /// - Parameter position: The node's place in the list that the selector was made for.
    public func outstanding(at position: Int) -> Int { self.channels[position].outstanding }
}

/// How a call to a node ended, as far as the node is concerned.
public enum NodeOutcome: Sendable, Hashable {
    /// It answered, with a result or with an error that is the caller's.
    case answered(after: Duration)
    /// It answered with an error of its own making, or not in time.
    case failed
    /// No connection could be made, or the connection broke.
    case unreachable
    /// The caller gave up, or took another node's answer.
    case abandoned
}

/// Tells one selector from another, so that what it prepared is found again.
package final class SelectorIdentity: Sendable {
    let prepare: @Sendable (_ nodes: [NodeRecord]) -> any PreparedSelector

    init(_ prepare: @escaping @Sendable (_ nodes: [NodeRecord]) -> any PreparedSelector) { self.prepare = prepare }
}
