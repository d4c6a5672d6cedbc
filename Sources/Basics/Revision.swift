// SPDX-License-Identifier: Apache-2.0

/// A point in a store's history: the transaction (`main`) and the change inside it (`sub`).
///
/// All changes of one transaction share a main revision; `sub` counts them from 0. An empty store stands at main
/// revision 1, so the first write gets `{2, 0}`.
public struct Revision: Hashable, Comparable, Sendable {
    public var main: Int64
    public var sub: Int64

    @inlinable
    public init(main: Int64, sub: Int64 = 0) {
        self.main = main
        self.sub = sub
    }

    /// The revision of nothing: below every revision of a store.
    @inlinable
    public static var zero: Revision { Revision(main: 0) }

    @inlinable
    public static func < (left: Revision, right: Revision) -> Bool {
        left.main != right.main ? left.main < right.main : left.sub < right.sub
    }
}

extension Revision: CustomStringConvertible {
    public var description: String { "{\(main),\(sub)}" }
}
