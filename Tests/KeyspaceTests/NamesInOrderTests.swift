// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import Testing

@Suite struct NamesInOrderTests {
    /// Beside a list that is searched from its beginning.
    @Test(arguments: testSeeds([1, 2, 3])) func isAListWithoutDoubles(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var names = NamesInOrder()
        var model: [[UInt8]] = []
        for _ in 0..<20_000 {
            let name = [UInt8](repeating: 7, count: Int.random(in: 0..<60, using: &random))
            if Bool.random(using: &random) {
                let isNew = names.insert(name)
                #expect(isNew == !model.contains(name))
                if isNew { model.append(name) }
            } else {
                let wasThere = names.remove(name)
                #expect(wasThere == model.contains(name))
                model.removeAll { $0 == name }
            }
            #expect(names.count == model.count && names.isEmpty == model.isEmpty)
            #expect(names.contains(name) == model.contains(name))
        }
        #expect(Array(names) == model)
        for name in model { names.remove(name) }
        #expect(names.isEmpty && Array(names).isEmpty)
    }
}
