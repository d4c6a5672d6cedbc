// SPDX-License-Identifier: Apache-2.0

/// What a node is chosen for.
package struct ChoiceRequest {
    let selector: NodeSelector
    let key: String?
    let nowNanoseconds: UInt64
    /// Nodes that the call has been tried on.
    let tried: [NodeChannel]

    package init(
        _ selector: NodeSelector, key: String? = nil, nowNanoseconds: UInt64, tried: [NodeChannel] = []
    ) {
        self.selector = selector
        self.key = key
        self.nowNanoseconds = nowNanoseconds
        self.tried = tried
    }

    func allows(_ channel: NodeChannel) -> Bool {
        (self.tried.isEmpty || !self.tried.contains { $0 === channel }) && channel.isUsable(self.nowNanoseconds)
    }
}

extension NodeSet {
    /// How often a selector is asked again when it names a node that can't be called; then the next one that can is
    /// taken. With half of the nodes away, one choice in sixty thousand gets there.
    static let maximumDraws = 16

    /// The node that takes a call.
    ///
    /// Nodes that are left alone because of their failures are chosen only when no other is there: one of them may be
    /// back, and to try is better than to fail.
    ///
    /// - Returns: `nil` when the call has been tried on every node, or there is none.
    package func choose(_ request: ChoiceRequest) -> NodeChannel? {
        var set: NodeSet? = self
        while let candidates = set {
            if let channel = candidates.usable(request) { return channel }
            set = candidates.fallback
        }
        set = self
        while let candidates = set {
            if let channel = candidates.untried(request) { return channel }
            set = candidates.fallback
        }
        return nil
    }

    private func usable(_ request: ChoiceRequest) -> NodeChannel? {
        guard self.count > 0 else { return nil }
        if self.count == 1, !request.selector.isUsersOwn { return self.claimed(0, request) }
        switch request.selector.strategy {
        case .roundRobin:
            return self.drawn(request) { number in
                Int((number &+ self.counters.offset) % UInt64(self.count))
            }
        case .random(let seed):
            return self.drawn(request) { number in
                SelectionBits.position(SelectionBits.drawn(seed: seed, number), below: self.count)
            }
        case .weighted(let seed):
            let table = self.weightTable
            return self.drawn(request) { number in table.position(SelectionBits.drawn(seed: seed, number)) }
        case .leastOutstanding:
            return self.leastLoaded(request)
        case .powerOfTwoChoices(let seed):
            return self.drawn(request) { number in
                self.better(of: SelectionBits.drawn(seed: seed, number), request)
            }
        case .consistentHash:
            guard let key = request.key else {
                return self.drawn(request) { number in
                    SelectionBits.position(SelectionBits.drawn(seed: self.counters.offset, number), below: self.count)
                }
            }
            let ring = self.hashRing
            let start = ring.point(of: key)
            return self.firstClaimed(request) { ring.position(atPoint: start + $0) }
        case .closure(let choose):
            return self.chosen(by: choose, request)
        case .prepared(let identity):
            let selector = self.prepared(identity)
            return self.drawn(request) { number in
                Self.wrapped(
                    selector.choose(NodeChoice(number: number, key: request.key, channels: self.channels)), self.count)
            }
        }
    }

    /// Draws until a node that can be called comes up. Each draw takes a number, so that the share of a node that is
    /// away goes to all others alike and not to its neighbour.
    private func drawn(_ request: ChoiceRequest, _ position: (_ number: UInt64) -> Int) -> NodeChannel? {
        var last = 0
        for _ in 0..<Self.maximumDraws {
            last = position(self.counters.nextNumber())
            if let channel = self.claimed(last, request) { return channel }
        }
        return self.firstClaimed(request) { (last + $0) % self.count }
    }

    private func firstClaimed(_ request: ChoiceRequest, _ position: (_ step: Int) -> Int) -> NodeChannel? {
        for step in 0..<self.count {
            if let channel = self.claimed(position(step), request) { return channel }
        }
        return nil
    }

    private func claimed(_ position: Int, _ request: ChoiceRequest) -> NodeChannel? {
        let channel = self.channels[position]
        guard request.allows(channel), channel.claim(request.nowNanoseconds) else { return nil }
        return channel
    }

    /// The better of two different positions.
    private func better(of bits: UInt64, _ request: ChoiceRequest) -> Int {
        let first = SelectionBits.position(bits, below: self.count)
        var second = SelectionBits.position(SelectionBits.mixed(bits), below: self.count - 1)
        if second >= first { second += 1 }
        guard request.allows(self.channels[first]) else { return second }
        guard request.allows(self.channels[second]) else { return first }
        return self.channels[second].outstanding < self.channels[first].outstanding ? second : first
    }

    private func leastLoaded(_ request: ChoiceRequest) -> NodeChannel? {
        let number = self.counters.nextNumber()
        let window = min(self.count, NodeSelector.leastOutstandingWindow)
        // Small sets are gone through in turn, so that idle nodes get calls in turn; of large ones a random part.
        let start =
            window == self.count
            ? Int(number % UInt64(self.count))
            : SelectionBits.position(SelectionBits.drawn(seed: self.counters.offset, number), below: self.count)
        var best: (position: Int, outstanding: Int)?
        for step in 0..<window {
            let position = (start + step) % self.count
            let outstanding = self.channels[position].outstanding
            guard outstanding < best?.outstanding ?? .max, request.allows(self.channels[position]) else { continue }
            best = (position, outstanding)
            if outstanding == 0 { break }
        }
        if let best, let channel = self.claimed(best.position, request) { return channel }
        return self.firstClaimed(request) { (start + $0) % self.count }
    }

    /// Asks a function of the user's: first of all nodes, and if it names one that can't be called, of those that can.
    private func chosen(
        by choose: (_ nodes: [NodeRecord], _ call: UInt64) -> Int, _ request: ChoiceRequest
    ) -> NodeChannel? {
        let number = self.counters.nextNumber()
        let first = self.position(by: choose, number: number)
        if let channel = self.claimed(first, request) { return channel }
        let rest = self.channels.filter { request.allows($0) }
        guard !rest.isEmpty else { return nil }
        let second = Self.wrapped(choose(rest.map(\.node), number), rest.count)
        if rest[second].claim(request.nowNanoseconds) { return rest[second] }
        return rest.first { $0.claim(request.nowNanoseconds) }
    }

    /// A node that the call hasn't been tried on, whatever its state.
    private func untried(_ request: ChoiceRequest) -> NodeChannel? {
        guard self.count > 0 else { return nil }
        let start = Int(self.counters.nextNumber() % UInt64(self.count))
        for step in 0..<self.count {
            let channel = self.channels[(start + step) % self.count]
            if !request.tried.contains(where: { $0 === channel }) { return channel }
        }
        return nil
    }
}
