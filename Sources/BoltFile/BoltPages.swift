// SPDX-License-Identifier: Apache-2.0

/// Reads pages by number and refuses those that can't be what they are taken for.
struct BoltPages<Image: BoltImage>: Sendable {
    let image: Image
    let pageSize: Int
    let pageCount: UInt64
    let limits: BoltLimits

    /// The page with its overflow. `visited` gains all of them; none may be there already.
    func page(_ number: UInt64, visited: inout PageSet) throws(BoltFileError) -> BoltPage {
        guard number >= 2, number < pageCount else {
            throw BoltFileError(.damaged, page: number, "is pointed at, but pages go from 2 to \(pageCount - 1)")
        }
        let offset = number * UInt64(pageSize)
        let header = try image.read(offset: offset, count: BoltFormat.pageHeaderSize)
        guard header.count == BoltFormat.pageHeaderSize else {
            throw BoltFileError(.readFailed, page: number, "its header could not be read whole")
        }
        let ownNumber = header.uint64(at: 0)
        guard ownNumber == number else {
            throw BoltFileError(.damaged, page: number, "says that it is page \(ownNumber)")
        }
        let length = UInt64(header.uint32(at: 12)) + 1
        guard length <= pageCount - number else {
            throw BoltFileError(.damaged, page: number, "has \(length - 1) overflow pages, beyond the file's end")
        }
        guard length * UInt64(pageSize) <= UInt64(limits.pageBytes) else {
            throw BoltFileError(.tooLarge, page: number, "has \(length - 1) overflow pages")
        }
        for page in number..<number + length where !visited.insert(page) {
            throw BoltFileError(.damaged, page: page, "is reached twice")
        }
        let count = Int(length) * pageSize
        let bytes = try image.read(offset: offset, count: count)
        guard bytes.count == count else { throw BoltFileError(.readFailed, page: number, "could not be read whole") }
        return try BoltPage(bytes: bytes, start: 0, number: number)
    }
}

/// Page numbers, a bit for each page of the file.
struct PageSet: Sendable {
    private var words: [UInt64] = []
    private let pageCount: UInt64

    init(pageCount: UInt64) {
        self.pageCount = pageCount
    }

    /// False if the page is a member already. Requires: it is below the count. The first call takes O(count / 64).
    mutating func insert(_ page: UInt64) -> Bool {
        if words.isEmpty { words = Array(repeating: 0, count: Int(pageCount / 64) + 1) }
        let bit = UInt64(1) << (page % 64)
        guard words[Int(page / 64)] & bit == 0 else { return false }
        words[Int(page / 64)] |= bit
        return true
    }
}
