// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import Synchronization
import Testing

@Suite struct NodeSelectorTests {
    static let settings = NodeChannel.Settings(logger: Logger(label: "test"))

    static func set(_ nodes: [NodeRecord], version: (Int) -> String = { _ in "1" }) throws -> NodeSet {
        let channels = try nodes.enumerated().map { position, node in
            try NodeChannel(
                node, version: version(position),
                endpoints: [EndpointRecord(name: position == 0 ? "A.First" : "A.Other")], Self.settings)
        }
        return NodeSet(channels, CallCounters(offset: 0, nowNanoseconds: 0, lookInterval: 1))
    }

    static func set(_ count: Int, metadata: (Int) -> [String: String] = { _ in [:] }) throws -> NodeSet {
        try self.set(
            (0..<count).map { NodeRecord(id: "n\($0 + 1000)", address: "127.0.0.1:1", metadata: metadata($0)) })
    }

    static func choices(_ set: NodeSet, _ selector: NodeSelector, calls: Int, key: String? = nil) -> [String] {
        (0..<calls).map { _ in
            set.choose(ChoiceRequest(selector, key: key, nowNanoseconds: 1))?.node.id ?? "none"
        }
    }

    static func counts(_ choices: [String]) -> [String: Int] {
        choices.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    static let all: [NodeSelector] = [
        .roundRobin, .random(seed: 1), .weighted, .leastOutstanding, .powerOfTwoChoices, .consistentHash,
        NodeSelector { nodes, call in Int(call) % nodes.count }, NodeSelector { _ in First() },
    ]

    private struct First: PreparedSelector {
        func choose(_ choice: NodeChoice) -> Int { Int(choice.number) }
    }

    @Test func roundRobinGoesAcrossCalls() throws {
        let set = try Self.set(3)
        #expect(
            Self.choices(set, .roundRobin, calls: 7)
                == ["n1000", "n1001", "n1002", "n1000", "n1001", "n1002", "n1000"])
    }

    @Test func theShareOfANodeThatIsAwayGoesToAllOthers() throws {
        let set = try Self.set(4)
        set.channels[1].begin()
        set.channels[1].end(.unreachable, nowNanoseconds: 1)
        let counts = Self.counts(Self.choices(set, .roundRobin, calls: 300))
        #expect(counts == ["n1000": 100, "n1002": 100, "n1003": 100])
    }

    @Test func randomIsEvenAndRepeatable() throws {
        let choices = Self.choices(try Self.set(3), .random(seed: 7), calls: 3000)
        #expect(choices == Self.choices(try Self.set(3), .random(seed: 7), calls: 3000))
        #expect(choices != Self.choices(try Self.set(3), .random(seed: 8), calls: 3000))
        for (_, count) in Self.counts(choices) { #expect((850...1150).contains(count), "\(count) of 3000") }
        #expect(Array(choices.prefix(30)) != Self.choices(try Self.set(3), .roundRobin, calls: 30))
    }

    @Test func weightsAreKept() throws {
        let weights = ["5", "0", "nonsense", "4"]
        let set = try Self.set(4) { ["weight": weights[$0]] }
        let counts = Self.counts(Self.choices(set, .weighted, calls: 20_000))
        #expect(counts["n1001"] == nil)
        for (id, share) in [("n1000", 10_000), ("n1002", 2000), ("n1003", 8000)] {
            let count = counts[id] ?? 0
            #expect(abs(count - share) < 800, "\(id) has \(count), not \(share)")
        }
        let idle = try Self.set(2) { _ in ["weight": "0"] }
        #expect(Self.counts(Self.choices(idle, .weighted, calls: 100)).count == 2)
    }

    @Test func theLeastBusyNodeIsTaken() throws {
        let set = try Self.set(5)
        for position in [0, 1, 3, 4] { set.channels[position].begin() }
        #expect(Set(Self.choices(set, .leastOutstanding, calls: 20)) == ["n1002"])
        // Of two choices the busiest of all never wins.
        for _ in 0..<10 { set.channels[3].begin() }
        #expect(!Self.choices(set, .powerOfTwoChoices, calls: 200).contains("n1003"))
        let idle = try Self.set(5)
        #expect(Set(Self.counts(Self.choices(idle, .leastOutstanding, calls: 100)).values) == [20])
    }

    @Test func keysStayWithTheirNodes() throws {
        let set = try Self.set(20)
        let keys = (0..<4000).map { "user-\($0)" }
        func owners(_ set: NodeSet) -> [String] {
            keys.map { key in Self.choices(set, .consistentHash, calls: 1, key: key)[0] }
        }
        let before = owners(set)
        #expect(before == owners(try Self.set(20)))
        // Probes keep the busiest near the mean of 200; the idlest may have few.
        for (id, count) in Self.counts(before) { #expect((1...330).contains(count), "\(id) has \(count) of 4000") }
        #expect(Set(before).count == 20)
        // Without one node only its keys move, and they spread.
        let fewer = NodeSet(
            set.channels.filter { $0.node.id != "n1007" },
            CallCounters(offset: 0, nowNanoseconds: 0, lookInterval: 1))
        let after = owners(fewer)
        for (old, new) in zip(before, after) where old != "n1007" { #expect(old == new) }
        #expect(Set(zip(before, after).compactMap { $0 == "n1007" ? $1 : nil }).count > 3)
        // While it can't be reached its keys have another owner, always the same.
        set.channels[7].begin()
        set.channels[7].end(.unreachable, nowNanoseconds: 1)
        let away = owners(set)
        #expect(!away.contains("n1007") && away == owners(set))
        for (old, new) in zip(before, away) where old != "n1007" { #expect(old == new) }
        #expect(Self.counts(Self.choices(set, .consistentHash, calls: 100)).count > 10)
    }

    @Test func ownSelectorsSeeTheNodesAndStayInRange() throws {
        let set = try Self.set(3)
        let last = NodeSelector { nodes, _ in nodes.count - 1 }
        #expect(Self.choices(set, last, calls: 2) == ["n1002", "n1002"])
        let wild = NodeSelector { _, call in call % 2 == 0 ? -1 : 100 }
        #expect(Set(Self.choices(set, wild, calls: 2)) == ["n1002", "n1001"])
    }

    private final class Learner: PreparedSelector {
        let marks = Mutex<[String]>([])
        let prepared: [NodeRecord]

        init(_ nodes: [NodeRecord]) { self.prepared = nodes }

        func choose(_ choice: NodeChoice) -> Int {
            self.prepared.indices.min { choice.outstanding(at: $0) < choice.outstanding(at: $1) } ?? 0
        }
        func mark(_ node: NodeRecord, _ outcome: NodeOutcome) { self.marks.withLock { $0.append(node.id) } }
    }

    @Test func ownSelectorsPrepareOnceForEachListOfNodes() throws {
        let made = Mutex(0)
        let selector = NodeSelector { nodes in
            made.withLock { $0 += 1 }
            return Learner(nodes)
        }
        let set = try Self.set(3)
        set.channels[0].begin()
        #expect(Self.choices(set, selector, calls: 5) == Array(repeating: "n1001", count: 5))
        #expect(made.withLock { $0 } == 1)
        _ = Self.choices(try Self.set(3), selector, calls: 5)
        #expect(made.withLock { $0 } == 2)
    }

    @Test func everySelectorLeavesBrokenNodesAloneUntilNoOtherIsThere() throws {
        for (number, selector) in Self.all.enumerated() {
            let set = try Self.set(3)
            for position in [0, 2] {
                set.channels[position].begin()
                set.channels[position].end(.unreachable, nowNanoseconds: 1)
            }
            #expect(Set(Self.choices(set, selector, calls: 50, key: "k")) == ["n1001"], "selector \(number)")
            let others = ChoiceRequest(selector, key: "k", nowNanoseconds: 1, tried: [set.channels[1]])
            let other = set.choose(others)?.node.id
            #expect(other == "n1000" || other == "n1002", "selector \(number)")
            #expect(set.choose(ChoiceRequest(selector, nowNanoseconds: 1, tried: set.channels)) == nil)
            #expect(try Self.set(0).choose(ChoiceRequest(selector, nowNanoseconds: 1)) == nil)
        }
    }

    @Test func oneCallTriesANodeThatMayBeBack() throws {
        let set = try Self.set(2)
        set.channels[0].begin()
        set.channels[0].end(.unreachable, nowNanoseconds: 1)
        let later: UInt64 = 1_000_000_000
        let choices = (0..<10).compactMap { _ in
            set.choose(ChoiceRequest(.roundRobin, nowNanoseconds: later))?.node.id
        }
        #expect(choices.count { $0 == "n1000" } == 1)
        set.channels[0].begin()
        set.channels[0].end(.answered(after: .milliseconds(1)), nowNanoseconds: later)
        #expect(Self.counts(Self.choices(set, .roundRobin, calls: 10)) == ["n1000": 5, "n1001": 5])
    }

    // MARK: Filters

    @Test func filtersLeaveWhatTheySay() throws {
        let nodes = (0..<4).map {
            NodeRecord(id: "n\($0)", address: "h:1", metadata: ["zone": $0 < 2 ? "a" : "b", "tier": "\($0 % 2)"])
        }
        let set = try Self.set(nodes) { $0 == 3 ? "2" : "1" }
        func left(_ filters: [NodeFilter], _ endpoint: String = "A.Other") -> Set<String> {
            let view = set.view(filters, endpoint: endpoint)
            return Set(Self.choices(view, .roundRobin, calls: 12))
        }
        #expect(left([]) == ["n0", "n1", "n2", "n3"])
        #expect(left([.zone("a")]) == ["n0", "n1"])
        #expect(left([.zone("a"), .label("tier", "1")]) == ["n1"])
        #expect(left([.version("2")]) == ["n3"])
        #expect(left([.endpoint], "A.First") == ["n0"])
        #expect(left([.endpoint], "A.Other") == ["n1", "n2", "n3"])
        #expect(left([.zone("c")]) == ["none"])
        #expect(left([.zone("c").preferred]) == ["n0", "n1", "n2", "n3"])
        #expect(left([.zone("c").preferred, .version("1")]) == ["n0", "n1", "n2"])
        #expect(set.view([.zone("a")], endpoint: "x") === set.view([.zone("a")], endpoint: "y"))
    }

    @Test func aPreferredZoneIsLeftWhileItIsDown() throws {
        let set = try Self.set(3) { ["zone": $0 == 0 ? "near" : "far"] }
        let view = set.view([.zone("near").preferred], endpoint: "A.B")
        #expect(Self.choices(view, .roundRobin, calls: 2) == ["n1000", "n1000"])
        set.channels[0].begin()
        set.channels[0].end(.unreachable, nowNanoseconds: 1)
        #expect(Set(Self.choices(view, .roundRobin, calls: 10)) == ["n1001", "n1002"])
    }

    @Test func tenThousandNodes() throws {
        let set = try Self.set(10_000) { ["zone": "\($0 % 4)"] }
        let view = set.view([.zone("1")], endpoint: "A.B")
        #expect(view.count == 2500)
        for (number, selector) in Self.all.enumerated() {
            let counts = Self.counts((0..<5000).map { Self.choices(view, selector, calls: 1, key: "\($0)")[0] })
            #expect(counts["none"] == nil)
            #expect(counts.count > 1500, "selector \(number) took \(counts.count) nodes")
        }
    }
}
