// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import Synchronization

/// The few keys that clients fight for at the moment; each retires before its history is too long to be judged.
final class Registers: Sendable {
    private struct Register {
        var calls = 0
        var unknown = 0
        /// What some client has seen there last.
        var seen: UInt64?
    }

    private let state: Mutex<(names: [String], registers: [String: Register], count: Int)>

    private static let inUse = 4
    /// The search for an order takes the longer the more calls there are that may have happened or not.
    private static let callsMax = 300
    private static let unknownMax = 5
    static let prefix = "r/"

    init() {
        let names = (0..<Self.inUse).map { "\(Self.prefix)\($0)" }
        state = Mutex((names, [:], Self.inUse))
    }

    func pick(_ random: inout SeededRandom) -> (key: String, seen: UInt64?) {
        let index = random.below(Self.inUse)
        return state.withLock { ($0.names[index], $0.registers[$0.names[index]]?.seen) }
    }

    func note(_ key: String, isUnknown: Bool, seen: UInt64??) {
        state.withLock { state in
            var register = state.registers[key] ?? Register()
            register.calls += 1
            if isUnknown { register.unknown += 1 }
            if let seen { register.seen = seen }
            state.registers[key] = register
            guard register.calls > Self.callsMax || register.unknown >= Self.unknownMax,
                let index = state.names.firstIndex(of: key)
            else { return }
            state.names[index] = "\(Self.prefix)\(state.count)"
            state.count += 1
            state.registers[key] = nil
        }
    }
}
