// SPDX-License-Identifier: Apache-2.0

/// Values by name, enumerated in the order of the names.
///
/// Two parallel arrays: user and role tables are read on every request and written by hand. Lookup is O(log n),
/// insertion and removal O(n).
struct NameTable<Value: Sendable>: Sendable {
    private(set) var names: [AuthName] = []
    private(set) var values: [Value] = []

    var count: Int { names.count }

    subscript(name: AuthName) -> Value? {
        let index = lowerBound(of: name)
        return index < names.count && names[index] == name ? values[index] : nil
    }

    func contains(_ name: AuthName) -> Bool { self[name] != nil }

    mutating func set(_ name: AuthName, to value: Value) {
        let index = lowerBound(of: name)
        if index < names.count && names[index] == name {
            values[index] = value
        } else {
            names.insert(name, at: index)
            values.insert(value, at: index)
        }
    }

    mutating func remove(_ name: AuthName) {
        let index = lowerBound(of: name)
        guard index < names.count && names[index] == name else { return }
        names.remove(at: index)
        values.remove(at: index)
    }

    /// Offers every value, in name order, for a change in place.
    mutating func updateEach(_ change: (inout Value) -> Void) {
        for index in values.indices { change(&values[index]) }
    }

    private func lowerBound(of name: AuthName) -> Int {
        var low = 0
        var high = names.count
        while low < high {
            let middle = (low + high) / 2
            if names[middle] < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension NameTable: Equatable where Value: Equatable {}
