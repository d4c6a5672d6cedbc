// SPDX-License-Identifier: Apache-2.0

/// The structure of a written file, read in the plainest way, apart from the library's reader: for what a reader of
/// entries can't see.
struct RawFile {
    let file: [UInt8]
    /// How often each page is part of a tree.
    var uses: [Int]
    var branchCounts: [Int] = []
    var height = 0

    init(_ file: [UInt8]) {
        self.file = file
        uses = Array(repeating: 0, count: file.count / 4096)
        walkBuckets(page: file.number(at: 32, 8))
    }

    private mutating func walkBuckets(page: Int) {
        for value in walk(page: page, depth: 1) where value.isBucket {
            let root = file.number(at: value.position, 8)
            if root != 0 { _ = walk(page: root, depth: 1) }
        }
    }

    private mutating func walk(page: Int, depth: Int) -> [(isBucket: Bool, position: Int)] {
        height = max(height, depth)
        let start = page * 4096
        for used in page...page + file.number(at: start + 12, 4) { uses[used] += 1 }
        let count = file.number(at: start + 10, 2)
        var result: [(isBucket: Bool, position: Int)] = []
        if file.number(at: start + 8, 2) == 1 {
            branchCounts.append(count)
            for index in 0..<count {
                result += walk(page: file.number(at: start + 16 + index * 16 + 8, 8), depth: depth + 1)
            }
        } else {
            for index in 0..<count {
                let element = start + 16 + index * 16
                let position = element + file.number(at: element + 4, 4) + file.number(at: element + 8, 4)
                result.append((file.number(at: element, 4) == 1, position))
            }
        }
        return result
    }
}
