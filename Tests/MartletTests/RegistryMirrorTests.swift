// SPDX-License-Identifier: Apache-2.0

import Martlet
import Testing

@Suite struct RegistryMirrorTests {
    static func record(_ service: String, _ id: String, version: String = "1", address: String? = nil) -> ServiceRecord
    {
        ServiceRecord(name: service, version: version, nodes: [NodeRecord(id: id, address: address ?? "\(id):1")])
    }

    @Test func followsChanges() {
        var mirror = RegistryMirror()
        #expect(!mirror.isComplete)
        #expect(mirror.apply(.snapshot([Self.record("s", "a"), Self.record("t", "x")])) == ["s", "t"])
        #expect(mirror.isComplete)
        #expect(mirror.apply(.put(Self.record("s", "b"))) == ["s"])
        #expect(mirror.nodes(of: "s").map(\.node.id) == ["a", "b"])
        #expect(mirror.apply(.remove(service: "s", nodeID: "a")) == ["s"])
        #expect(mirror.nodes(of: "s").map(\.node.id) == ["b"])
        #expect(mirror.apply(.remove(service: "s", nodeID: "a")).isEmpty)
        #expect(mirror.nodes(of: "t").map(\.node.id) == ["x"])
    }

    @Test func snapshotReplacesEverythingAndNamesWhatChanged() {
        var mirror = RegistryMirror()
        _ = mirror.apply(.snapshot([Self.record("s", "a"), Self.record("t", "x"), Self.record("u", "y")]))
        let changed = mirror.apply(
            .snapshot([Self.record("s", "a"), Self.record("t", "x", address: "new:1"), Self.record("v", "z")]))
        #expect(changed == ["t", "u", "v"])
        #expect(mirror.nodes(of: "u").isEmpty)
        #expect(mirror.nodes(of: "t").first?.node.address == "new:1")
    }

    @Test func slashesInNamesMeetTheirKeys() {
        var mirror = RegistryMirror()
        _ = mirror.apply(.snapshot([]))
        _ = mirror.apply(.put(Self.record("a/b", "a/b-1")))
        #expect(mirror.nodes(of: "a/b").count == 1)
        _ = mirror.apply(.remove(service: "a-b", nodeID: "a-b-1"))
        #expect(mirror.nodes(of: "a/b").isEmpty)
    }

    @Test func groupsByVersion() {
        var mirror = RegistryMirror()
        _ = mirror.apply(
            .snapshot([
                Self.record("s", "c", version: "2"), Self.record("s", "a"), Self.record("s", "b"),
                Self.record("r", "z"),
            ]))
        let services = mirror.services()
        #expect(services.map(\.name) == ["r", "s", "s"])
        #expect(services.map(\.version) == ["1", "1", "2"])
        #expect(services[1].nodes.map(\.id) == ["a", "b"])
        #expect(mirror.services(named: "s").map(\.nodes.count) == [2, 1])
        #expect(mirror.nodes(of: "s").map(\.version) == ["1", "1", "2"])
    }

    /// A mirror fed by changes equals one fed by the final state, whatever the order of changes.
    @Test func agreesWithANaiveMap() {
        let seed = testSeed()
        var random = SplitMix(state: seed)
        var mirror = RegistryMirror()
        var naive: [String: ServiceRecord] = [:]
        _ = mirror.apply(.snapshot([]))
        for step in 0..<2000 {
            let service = "s\(random.next(3))"
            let id = "n\(random.next(5))"
            switch random.next(10) {
            case 0:
                let kept = naive.filter { _ in random.next(2) == 0 }
                naive = kept
                _ = mirror.apply(.snapshot(kept.values.map { $0 }))
            case 1...4:
                naive["\(service)/\(id)"] = nil
                _ = mirror.apply(.remove(service: service, nodeID: id))
            default:
                let record = Self.record(service, id, address: "h:\(random.next(9))")
                naive["\(service)/\(id)"] = record
                _ = mirror.apply(.put(record))
            }
            for service in ["s0", "s1", "s2"] {
                let expected = naive.filter { $0.key.hasPrefix(service + "/") }.sorted { $0.key < $1.key }
                #expect(
                    mirror.nodes(of: service).map(\.node) == expected.map { $0.value.nodes[0] },
                    "seed \(seed), step \(step)")
            }
        }
    }
}
