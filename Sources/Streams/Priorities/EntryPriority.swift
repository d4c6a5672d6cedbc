// SPDX-License-Identifier: Apache-2.0

/// How urgent an entry is: 0, which is what an entry has that says nothing, up to 9.
///
/// It stands with the entry in its block; what is above 0 stands in a `PriorityIndex` beside, too. It means something
/// to groups whose policy says so: see `GroupPolicy.prefersUrgent`.
public struct EntryPriority: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt8

    /// `nil` outside `range`.
    public init?(rawValue: UInt8) {
        guard Self.range.contains(Int(rawValue)) else { return nil }
        self.rawValue = rawValue
    }

    /// As message queues have it. Four bits hold it, and one look at a sum tells how many there are of each.
    public static let range = 0...9
    public static let normal = EntryPriority(0)
    /// How many there are.
    static let count = range.count
    /// All above `normal`, the most urgent first.
    static let urgent: [EntryPriority] = (1...9).reversed().map { EntryPriority($0) }

    private init(_ value: UInt8) { rawValue = value }

    public static func < (left: EntryPriority, right: EntryPriority) -> Bool { left.rawValue < right.rawValue }

    var index: Int { Int(rawValue) }
}
