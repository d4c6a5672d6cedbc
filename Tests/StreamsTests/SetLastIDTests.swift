// SPDX-License-Identifier: Apache-2.0

import MartletStreams
import Testing

@Suite struct SetLastIDTests {
    /// An entry that is deleted still lies in its block, and distances are counted from it.
    @Test func theLastIDStaysAboveWhatLiesInBlocks() throws {
        var stream = Stream(configuration: small)
        for number in [1, 2, 9] as [UInt64] { try stream.add(id(number)) }
        #expect(stream.delete([id(9)]) == 1)
        try stream.setLastID(id(9), maxDeletedID: id(1))
        if let last = stream.lastInBlocks, last > id(2) {
            #expect(throws: StreamError.lastIDBelowDeletedID) { try stream.setLastID(id(2)) }
            #expect(throws: StreamError.addIDIsNotAbove) { try stream.add(id(3)) }
        } else {
            try stream.setLastID(id(2))
        }
        try stream.add(id(10))
        #expect(stream.length == 3)
    }
}
