// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// A file: what its readers see, what a crash leaves, and the sectors in which the two differ.
struct SimulatedContent: Sendable {
    static let sectorBytes = 512

    var content: [UInt8] = []
    private var durable: [UInt8] = []
    private var dirty: Set<Int> = []

    init() {}

    init(durable bytes: [UInt8]) {
        content = bytes
        durable = bytes
    }

    mutating func resize(to size: Int) {
        if size < content.count {
            content.removeLast(content.count - size)
        } else {
            content.append(contentsOf: repeatElement(0, count: size - content.count))
        }
    }

    /// With `partly`, a number that chooses, each sector's share is written or not.
    mutating func write(_ bytes: [UInt8], at offset: Int, partly: UInt64?) {
        let end = offset + bytes.count
        if end > content.count { resize(to: end) }
        var choice = SeededRandom(seed: partly ?? 0)
        var start = offset
        while start < end {
            let sector = start / Self.sectorBytes
            let stop = min((sector + 1) * Self.sectorBytes, end)
            if partly == nil || Bool.random(using: &choice) {
                for place in start..<stop {
                    content[place] = bytes[place - offset]
                }
                dirty.insert(sector)
            }
            start = stop
        }
    }

    mutating func sync() {
        for sector in dirty { persist(sector) }
        dirty = []
        fit(&durable, to: content.count)
    }

    mutating func syncPartly(_ random: inout SeededRandom) {
        for sector in dirty.sorted() where Bool.random(using: &random) {
            persist(sector)
            dirty.remove(sector)
        }
        if Bool.random(using: &random) { fit(&durable, to: content.count) }
    }

    /// What was to be written is taken for clean.
    mutating func drop() {
        dirty = []
    }

    private mutating func persist(_ sector: Int) {
        let start = sector * Self.sectorBytes
        let end = min(start + Self.sectorBytes, content.count)
        guard start < end else { return }
        if durable.count < end { fit(&durable, to: end) }
        durable.replaceSubrange(start..<end, with: content[start..<end])
    }

    private func fit(_ bytes: inout [UInt8], to size: Int) {
        if size < bytes.count {
            bytes.removeLast(bytes.count - size)
        } else {
            bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
        }
    }

    mutating func crash(_ loss: SimulatedDisk.Loss, _ random: inout SeededRandom) {
        switch loss {
        case .nothing: return
        case .random: syncPartly(&random)
        case .everything: break
        }
        content = durable
        dirty = []
    }
}
