// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletReplica

/// Some keys are registers: written, read and exchanged by single requests and nothing else. What clients saw of them
/// is judged without the log and the model, by `RegisterHistory`, which knows of neither.
extension Simulator {
    /// Of the search for an order. Registers see a few dozen requests in a run, and mostly take as many steps.
    private static let orderStepsMax = 20_000

    func checkRegisters() throws(Violation) {
        for key in Workload.registers {
            let history = RegisterHistory(operations.compactMap { $0.registerOperation(key) })
            counts.registerOperations += history.operations.count
            switch history.verdict(stepsMax: Self.orderStepsMax) {
            case .linearizable: continue
            case .undecided: counts.undecidedRegisters += 1
            case .broken:
                throw Violation("\(String(decoding: key, as: UTF8.self)) has no order: \(history.operations)")
            }
        }
    }

    /// Clients exchange what they know to be there.
    func noteRegister(_ operation: Operation) {
        for key in Workload.registers {
            switch operation.registerOperation(key)?.action {
            case .write(let value), .read(let value): registers[key] = value
            case .exchange(_, let value, isDone: true): registers[key] = value
            case .exchange(_, _, isDone: false): registers[key] = nil
            case nil: continue
            }
        }
    }
}

extension Operation {
    /// `nil` if it is none with this register, or did nothing.
    fileprivate func registerOperation(_ key: [UInt8]) -> RegisterHistory.Operation? {
        if case .refused = answer { return nil }
        switch request {
        case .write(.put(let put)) where put.key == key: return written(.write(Self.value(put.value)))
        case .write(.deleteRange(let deletion)) where deletion.key == key: return written(.write(nil))
        case .write(.txn(let txn)):
            guard txn.compare.count == 1, let compare = txn.compare.first, compare.key == key,
                case .put(let put)? = txn.success.first
            else { return nil }
            var expected: RegisterHistory.Value?
            if case .value(let bytes) = compare.target { expected = Self.value(bytes) }
            var isDone = false
            if case .write(.success(.txn(let response))) = answer { isDone = response.succeeded }
            return written(.exchange(expected: expected, new: Self.value(put.value), isDone: isDone))
        case .range(let range, isSerializable: false) where range.key == key:
            guard case .range(.success(let response)) = answer else { return nil }
            let action = RegisterHistory.Action.read(response.records.first.flatMap { Self.value($0.value) })
            return RegisterHistory.Operation(action, began: began, ended: ended)
        default: return nil
        }
    }

    private func written(_ action: RegisterHistory.Action) -> RegisterHistory.Operation? {
        switch answer {
        case .write(.success): RegisterHistory.Operation(action, began: began, ended: ended)
        case .write(.failure): nil
        default: RegisterHistory.Operation(action, began: began, ended: nil)
        }
    }

    private static func value(_ bytes: [UInt8]) -> RegisterHistory.Value? {
        RegisterHistory.Value(String(decoding: bytes, as: UTF8.self))
    }
}
