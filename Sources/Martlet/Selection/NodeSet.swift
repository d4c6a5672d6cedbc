// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The nodes of a service at one time, or those of them that filters leave, and what selectors have prepared for them.
///
/// It never changes: a change of the registry makes another one. Preparing happens at the first use and takes at most
/// O(n log n); a choice afterwards O(1), or O(log n) for keys.
package final class NodeSet: Sendable {
    package let channels: [NodeChannel]
    let counters: CallCounters
    /// The nodes to choose from when none of these can be called: what filters leave that aren't mere wishes.
    let fallback: NodeSet?

    private let weights = AtomicLazyReference<Prepared<WeightTable>>()
    private let ring = AtomicLazyReference<Prepared<HashRing>>()
    private let list = AtomicLazyReference<Prepared<[NodeRecord]>>()
    private let others = Mutex(Others())

    private struct Others {
        var selectors: [ObjectIdentifier: (identity: SelectorIdentity, selector: any PreparedSelector)] = [:]
        var views: [ViewKey: NodeSet] = [:]
    }

    private struct ViewKey: Hashable {
        var filters: [NodeFilter]
        var endpoint: String?
    }

    private final class Prepared<Value: Sendable>: Sendable {
        let value: Value

        init(_ value: Value) { self.value = value }
    }

    /// How many sets of filters, and selectors of users, are remembered at a time; callers that make up new ones for
    /// each call only lose the memory.
    static let maximumRemembered = 64

    package init(_ channels: [NodeChannel], _ counters: CallCounters, fallback: NodeSet? = nil) {
        self.channels = channels
        self.counters = counters
        self.fallback = fallback
    }

    package var count: Int { self.channels.count }

    /// The nodes that filters leave.
    package func view(_ filters: [NodeFilter], endpoint: String) -> NodeSet {
        if filters.isEmpty { return self }
        let key = ViewKey(
            filters: filters, endpoint: filters.contains(where: \.dependsOnEndpoint) ? endpoint : nil)
        if let view = self.others.withLock({ $0.views[key] }) { return view }
        let strict = filters.filter { !$0.isPreference }
        let fallback = strict.count == filters.count ? nil : self.view(strict, endpoint: endpoint)
        let channels = self.channels.filter { channel in filters.allSatisfy { $0.admits(channel, endpoint: endpoint) } }
        let view = NodeSet(channels, self.counters, fallback: fallback)
        self.others.withLock { others in
            if others.views.count >= Self.maximumRemembered { others.views = [:] }
            others.views[key] = view
        }
        return view
    }

    /// The nodes that a function of the user's leaves: worked out for this one call.
    func view(where admits: (NodeChannel) -> Bool) -> NodeSet {
        let fallback = self.fallback?.view(where: admits)
        return NodeSet(self.channels.filter(admits), self.counters, fallback: fallback)
    }

    /// The nodes' records, for selectors of users.
    private var records: [NodeRecord] {
        if let list = self.list.load() { return list.value }
        return self.list.storeIfNil(Prepared(self.channels.map(\.node))).value
    }

    var weightTable: WeightTable {
        if let table = self.weights.load() { return table.value }
        return self.weights.storeIfNil(Prepared(WeightTable(self.channels.map(\.weight)))).value
    }

    var hashRing: HashRing {
        if let ring = self.ring.load() { return ring.value }
        return self.ring.storeIfNil(Prepared(HashRing(self.channels.map(\.node.id)))).value
    }

    /// What a selector of the user's prepared for these nodes.
    func prepared(_ identity: SelectorIdentity) -> any PreparedSelector {
        let id = ObjectIdentifier(identity)
        if let known = self.others.withLock({ $0.selectors[id]?.selector }) { return known }
        let made = identity.prepare(self.records)
        return self.others.withLock { others in
            // Another call may have been faster; both must learn from marks.
            if let known = others.selectors[id]?.selector { return known }
            if others.selectors.count >= Self.maximumRemembered { others.selectors = [:] }
            others.selectors[id] = (identity, made)
            return made
        }
    }

    func position(
        by choose: (_ nodes: [NodeRecord], _ call: UInt64) -> Int, number: UInt64
    ) -> Int {
        Self.wrapped(choose(self.records, number), self.count)
    }

    static func wrapped(_ position: Int, _ count: Int) -> Int {
        let rest = position % count
        return rest < 0 ? rest + count : rest
    }
}
