// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

/// etcd's own tool sees no difference between etcd and Martlet. What is masked stands at the head of the script.
@Suite(.serialized)
struct EtcdctlTests {
    private static let flags = """
        --name default --data-dir {data} --listen-client-urls {client} --advertise-client-urls {client} \
        --listen-peer-urls {peer} --initial-advertise-peer-urls {peer} --initial-cluster default={peer}
        """

    @Test(arguments: ["MARTLET_ETCDCTL_34", "MARTLET_ETCDCTL_35"])
    func sameTranscript(tool: String) async throws {
        guard let etcdctl = Peers.find(tool), let etcd = Peers.find("MARTLET_ETCD_35"),
            let martlet = Peers.find("MARTLET_BINARY")
        else { return }
        let result = try await run(
            "/usr/bin/env",
            [
                "python3", Peers.root + "Tests/Peers/etcdctl_parity", "--etcdctl", etcdctl,
                "--server", "\(etcd) \(Self.flags)", "--server", "\(martlet) server \(Self.flags)",
            ], limit: .seconds(1_500))
        let isEqual = result.isSuccess && result.output.contains("35 of 35 scenarios equal")
        #expect(isEqual, "\(Self.verdict(of: result.output))")
    }

    /// How many and which scenarios differ, in the first two lines, which a summary of a long log keeps; then in what.
    /// Where none says so, the program's last words.
    private static func verdict(of output: String) -> String {
        let lines = output.split(separator: "\n")
        let differing = lines.drop { !$0.hasSuffix(": different again") }
        let details = differing.isEmpty ? lines.suffix(30) : differing.prefix(150)
        return (lines.suffix(2) + details).joined(separator: "\n")
    }

    /// A client of another language and maker, through a script that asserts what it reads.
    @Test func pythonClient() async throws {
        guard let python = Peers.find("MARTLET_PEERS_PYTHON"), let martlet = Peers.find("MARTLET_BINARY") else {
            return
        }
        let result = try await run(
            python, [Peers.root + "Tests/Peers/etcd3_client.py", martlet, "server"], limit: .seconds(900))
        let isOK = result.isSuccess && result.output.contains("all cases ok")
        #expect(isOK, "\(result.output.suffix(4_000))")
    }

    /// The demonstration holds all its claims, on ports of its own. Some are about milliseconds, such as that a call is
    /// killed in flight; a machine with much else to do gets five attempts.
    @Test func demonstration() async throws {
        guard let martlet = Peers.find("MARTLET_BINARY") else { return }
        var result = try await run(martlet, ["demo"])
        for _ in 0..<4 where !result.isSuccess { result = try await run(martlet, ["demo"]) }
        let hasHeld = result.isSuccess && result.output.contains("7 of 7 claims held")
        #expect(hasHeld, "\(result.output.suffix(4_000))")
    }
}
