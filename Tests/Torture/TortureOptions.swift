// SPDX-License-Identifier: Apache-2.0

package import MartletDiskLoss
import MartletTestPrograms

/// What is tortured, how, and for how long.
package struct TortureOptions: Sendable {
    package enum Peer: String, Sendable, CaseIterable {
        case martlet
        case etcd34 = "etcd-3.4"
        case etcd35 = "etcd-3.5"

        var kind: EtcdProcess.Kind {
            switch self {
            case .martlet: .martlet
            case .etcd34: .etcd34
            case .etcd35: .etcd35
            }
        }
    }

    package var peer = Peer.martlet
    package var members = 3
    /// How long faults go on; what comes behind takes a few seconds more.
    package var seconds = 30
    package var seed: UInt64 = 1
    /// Clients that fight for a few keys, and read.
    package var clients = 6
    /// Clients that only write, each time another key.
    package var writers = 4
    /// Clients that hold leases.
    package var leases = 3
    /// Conditions, always true, that each write of the writers depends on; they keep members busy between the moment
    /// they take an entry up and the moment they change their data.
    package var guards = 0
    /// What may happen.
    package var faults = FaultKind.allCases
    /// A disk that lies: all members run under the disk-loss library, and with each kill the power fails.
    package var flaw: DiskLossLibrary.Fault?
    /// Whether SIGINT and SIGTERM end the members, and this process: for a program that does nothing else.
    package var endsOnSignals = false
    /// Whether what happens is printed.
    package var isTold = true

    package init() {}

    package static let membersMax = 7

    package struct Wrong: Error, CustomStringConvertible {
        package var description: String
    }

    package static let usage = """
        usage: MartletTorture [--members 3|5|7] [--seconds N] [--seed N] [--peer martlet|etcd-3.4|etcd-3.5]
                              [--clients N] [--writers N] [--leases N] [--guards N] [--faults NAME,NAME…]
                              [--flaw no-sync|late-sync]
        faults: \(FaultKind.allCases.map(\.rawValue).joined(separator: ", "))
        \(RecipeOptions.usage)
        """

    /// Of a command line.
    package init(_ arguments: [String], randomSeed: UInt64) throws {
        seed = randomSeed
        var rest = arguments[...]
        var namesWriters = false
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw Wrong(description: "\(name) needs a value") }
            switch name {
            case "--members": members = try Self.number(name, value, 1...Self.membersMax)
            case "--seconds": seconds = try Self.number(name, value, 1...86_400)
            case "--clients": clients = try Self.number(name, value, 0...100)
            case "--writers":
                writers = try Self.number(name, value, 0...1_000)
                namesWriters = true
            case "--leases": leases = try Self.number(name, value, 0...100)
            case "--guards": guards = try Self.number(name, value, 0...100)
            case "--seed":
                guard let number = UInt64(value) else { throw Wrong(description: "\(name) \(value) is no number") }
                seed = number
            case "--peer":
                guard let peer = Peer(rawValue: value) else { throw Wrong(description: "who is \(value)?") }
                self.peer = peer
            case "--flaw":
                guard let flaw = DiskLossLibrary.Fault(rawValue: value) else {
                    throw Wrong(description: "what flaw is \(value)?")
                }
                self.flaw = flaw
            case "--faults":
                faults = try value.split(separator: ",").map { word in
                    guard let kind = FaultKind(rawValue: String(word)) else {
                        throw Wrong(description: "what fault is \(word)?")
                    }
                    return kind
                }
            default: throw Wrong(description: "what is \(name)?")
            }
        }
        guard peer != .martlet else { return }
        // Its known bug shows where a commit to disk falls between an entry's number and its change, and then a kill.
        if !namesWriters { writers = 100 }
        if !arguments.contains("--leases") { leases = 0 }
        if !arguments.contains("--guards") { guards = 6 }
        if !arguments.contains("--faults") { faults = [.killLeader] }
    }

    static func number(_ name: String, _ value: String, _ range: ClosedRange<Int>) throws -> Int {
        guard let number = Int(value), range.contains(number) else {
            throw Wrong(description: "\(name) is from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
