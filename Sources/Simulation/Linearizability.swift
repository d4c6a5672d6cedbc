// SPDX-License-Identifier: Apache-2.0

/// Decides whether what clients saw of one register can have happened in some order that respects real time.
///
/// It knows nothing but the clients' side, so that it can judge any system: this one in simulation, real processes, and
/// others. A register holds a value or none; an operation is a write, a read, or a write that is done only where the
/// register holds a certain value (a transaction of a compare and a put). Registers are independent of each other, so
/// keys are checked one by one.
///
/// An operation whose outcome is unknown may take effect at any time after it began, or never.
///
/// The search goes through the orders that are still possible, remembering where it has been: which operations are
/// done, and what the register holds then. Source: Wing and Gong, "Testing and Verifying Concurrent Objects" (1993);
/// Lowe, "Testing for Linearizability" (2017) for the memory.
package struct RegisterHistory {
    package typealias Value = UInt64

    package enum Action: Hashable, Sendable {
        case write(Value?)
        /// What was read.
        case read(Value?)
        /// `isDone`: whether the register held `expected`, so that the value was written.
        case exchange(expected: Value?, new: Value?, isDone: Bool)
    }

    package struct Operation: Hashable, Sendable {
        package var action: Action
        /// Both in whatever unit; an operation that ended before another began came before it.
        package var began: Int
        /// `nil`: the outcome is unknown. Of an exchange, `isDone` then says nothing.
        package var ended: Int?

        package init(_ action: Action, began: Int, ended: Int?) {
            (self.action, self.began, self.ended) = (action, began, ended)
        }
    }

    package enum Verdict: Hashable, Sendable {
        case linearizable
        case broken
        /// The search took more steps than it may.
        case undecided
    }

    package var operations: [Operation] = []

    package init(_ operations: [Operation] = []) {
        self.operations = operations
    }

    /// - Parameters:
    ///   - initial: what the register held before the first operation.
    ///   - stepsMax: of the search. Histories of a few clients take a few steps for each operation; a search that does
    ///     not end is one of many unknown outcomes.
    /// - Complexity: exponential in the operations that overlap each other; O(operations) for those that don't.
    package func verdict(initial: Value? = nil, stepsMax: Int = 10_000_000) -> Verdict {
        // Reads nobody has heard of say nothing.
        let all = operations.filter { operation in
            if operation.ended == nil, case .read = operation.action { return false }
            return true
        }.sorted { ($0.began, $0.ended ?? .max) < ($1.began, $1.ended ?? .max) }
        var search = Search(all, stepsMax: stepsMax)
        return search.run(initial)
    }

    fileprivate struct Search {
        /// Done, as far as all before are, and those behind that are done out of turn.
        struct Place: Hashable {
            var first: Int
            var others: [Int]
            var value: Value?
        }

        let operations: [Operation]
        let stepsMax: Int
        var steps = 0
        var seen: Set<Place> = []

        init(_ operations: [Operation], stepsMax: Int) {
            (self.operations, self.stepsMax) = (operations, stepsMax)
        }

        mutating func run(_ initial: Value?) -> Verdict {
            var stack = [Place(first: 0, others: [], value: initial)]
            seen = [stack[0]]
            while let place = stack.popLast() {
                steps += 1
                if steps > stepsMax { return .undecided }
                if isComplete(place) { return .linearizable }
                for next in successors(of: place) where seen.insert(next).inserted { stack.append(next) }
            }
            return .broken
        }

        /// What is not done need not be if nobody has heard of it.
        private func isComplete(_ place: Place) -> Bool {
            var offset = place.first
            while offset < operations.count {
                if operations[offset].ended != nil, !place.others.contains(offset) { return false }
                offset += 1
            }
            return true
        }

        /// Those that may come next: which began before any that isn't done has ended.
        private func successors(of place: Place) -> [Place] {
            var result: [Place] = []
            var earliestEnd = Int.max
            var offset = place.first
            while offset < operations.count, operations[offset].began <= earliestEnd {
                defer { offset += 1 }
                if place.others.contains(offset) { continue }
                let operation = operations[offset]
                earliestEnd = min(earliestEnd, operation.ended ?? .max)
                if let value = value(after: operation, place.value) { result.append(place.doing(offset, value.new)) }
            }
            return result
        }

        /// `nil` where the operation can't have gone as it did.
        private func value(after operation: Operation, _ value: Value?) -> (new: Value?, Void)? {
            switch operation.action {
            case .write(let new): return (new, ())
            case .read(let found): return found == value ? (value, ()) : nil
            case .exchange(let expected, let new, let isDone):
                let holds = expected == value
                if operation.ended == nil { return holds ? (new, ()) : (value, ()) }
                return holds == isDone ? (isDone ? new : value, ()) : nil
            }
        }
    }
}

extension RegisterHistory.Search.Place {
    fileprivate func doing(_ offset: Int, _ value: RegisterHistory.Value?) -> Self {
        var next = self
        next.value = value
        next.others.insert(offset, at: next.others.firstIndex { $0 > offset } ?? next.others.count)
        while next.others.first == next.first {
            next.others.removeFirst()
            next.first += 1
        }
        return next
    }
}
