// SPDX-License-Identifier: Apache-2.0

import MartletBoltFile

/// Makes files page by page, valid or not: what no writer writes.
struct FileBuilder {
    var pageSize = 4096
    var pages: [[UInt8]] = []

    /// Page 3 is the root bucket's leaf.
    init(pageSize: Int = 4096) {
        self.pageSize = pageSize
        pages = [[], [], []]
    }

    /// A page's content, without padding.
    static func page(_ number: Int, kind: Int, overflow: Int = 0, count: Int, _ content: [UInt8]) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: 16)
        result.set(number, at: 0, 8)
        result.set(kind, at: 8, 2)
        result.set(count, at: 10, 2)
        result.set(overflow, at: 12, 4)
        return result + content
    }

    static func leaf(
        _ number: Int, overflow: Int = 0, _ entries: [(flags: Int, key: String, value: [UInt8])]
    ) -> [UInt8] {
        var heads: [UInt8] = []
        var content: [UInt8] = []
        for (index, entry) in entries.enumerated() {
            var head = [UInt8](repeating: 0, count: 16)
            head.set(entry.flags, at: 0, 4)
            head.set((entries.count - index) * 16 + content.count, at: 4, 4)
            head.set(entry.key.utf8.count, at: 8, 4)
            head.set(entry.value.count, at: 12, 4)
            heads += head
            content += bytes(entry.key) + entry.value
        }
        return page(number, kind: 2, overflow: overflow, count: entries.count, heads + content)
    }

    static func branch(_ number: Int, _ children: [(key: String, page: Int)]) -> [UInt8] {
        var heads: [UInt8] = []
        var content: [UInt8] = []
        for (index, child) in children.enumerated() {
            var head = [UInt8](repeating: 0, count: 16)
            head.set((children.count - index) * 16 + content.count, at: 0, 4)
            head.set(child.key.utf8.count, at: 4, 4)
            head.set(child.page, at: 8, 8)
            heads += head
            content += bytes(child.key)
        }
        return page(number, kind: 1, count: children.count, heads + content)
    }

    static func bucketValue(root: Int, sequence: Int = 0) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: 16)
        result.set(root, at: 0, 8)
        result.set(sequence, at: 8, 8)
        return result
    }

    static func meta(
        page: Int, pageSize: Int, root: Int = 3, pageCount: Int, transaction: Int, version: Int = 2
    ) -> [UInt8] {
        var content = [UInt8](repeating: 0, count: 56)
        content.set(0xED0C_DAED, at: 0, 4)
        content.set(version, at: 4, 4)
        content.set(pageSize, at: 8, 4)
        content.set(root, at: 16, 8)
        content.set(-1, at: 32, 8)
        content.set(pageCount, at: 40, 8)
        content.set(transaction, at: 48, 8)
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in content { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        content += (0..<8).map { UInt8(truncatingIfNeeded: hash >> UInt64($0 * 8)) }
        return self.page(page, kind: 4, count: 0, content)
    }

    mutating func add(_ page: [UInt8]) {
        pages.append(page)
    }

    /// The file, its two metas alike but for the transaction.
    func file() -> [UInt8] {
        var result: [UInt8] = []
        var count = 0
        for page in pages { count += max(1, (page.count + pageSize - 1) / pageSize) }
        for (number, page) in pages.enumerated() {
            var page = page
            if number < 2 {
                page = Self.meta(page: number, pageSize: pageSize, pageCount: count, transaction: 7 + number)
            }
            result += page
            result += Array(repeating: 0, count: (pageSize - page.count % pageSize) % pageSize)
            if page.isEmpty { result += Array(repeating: 0, count: pageSize) }
        }
        return result
    }
}
