// SPDX-License-Identifier: Apache-2.0

/// What a `RaftNode` wants done. Bundles are carried out in the order in which they were taken; within one bundle:
///
/// - `snapshot`, `entries` and `hardState` go to the log, in this order: a torn write must not leave a commit index
///   without the entries that it speaks of. If `write` has a number, they and everything of earlier bundles must become
///   durable, and then `RaftNode.persisted(upTo:)` is due. There is no need to wait: more bundles may be taken
///   meanwhile, and one sync may serve many.
/// - `messages` may be sent at once. Whatever had to be durable before one of them is.
/// - `committed` is to be applied in order, durable in the own log or not, and then `RaftNode.applied(upTo:)` is due.
///   A state saved from what is applied must not go beyond what is durable.
///
/// Keep one value and take into it again and again: the arrays keep their capacity.
public struct Orders: Sendable {
    /// Set if the bundle must become durable. Rising by one from bundle to bundle.
    public var write: WriteNumber?
    /// Set if it changed. In a bundle without `write` only the commit index did: it must go with the next write, if one
    /// comes, whatever that is for. There are writes of nothing else: they make it durable that a change of the
    /// configuration is committed, before anybody counts by that.
    public var hardState: HardState?
    /// The state to install in place of the whole log and the whole applied state, before anything of this or a later
    /// bundle is applied. Durable only when installed.
    public var snapshot: SnapshotMark?
    /// To append to the log. If the log already has entries from the first one's index on, they are replaced.
    public var entries: [Entry] = []
    public var messages: [Message] = []
    /// Whoever applies one that changes the configuration calls `RaftNode.apply(_:)` before it reports it applied.
    public var committed: [Entry] = []
    public var readStates: [ReadState] = []
    /// Reads of this member that won't be answered, since it no longer leads. Asking again is safe.
    public var abandonedReads: [ReadContext] = []
    /// Members that lag behind the start of the log: each is to get a state of at least `RaftNode.log.base`, and then a
    /// message made by `RaftNode.snapshotMessage(to:mark:)`. `RaftNode.snapshotSent(to:upTo:)` is due in any case.
    public var snapshotsToSend: [MemberID] = []
    /// Set if it changed.
    public var softState: SoftState?

    public init() {}

    public var isEmpty: Bool {
        write == nil && hardState == nil && snapshot == nil && entries.isEmpty && messages.isEmpty && committed.isEmpty
            && readStates.isEmpty && abandonedReads.isEmpty && snapshotsToSend.isEmpty && softState == nil
    }

    mutating func removeAll() {
        write = nil
        hardState = nil
        snapshot = nil
        softState = nil
        entries.removeAll(keepingCapacity: true)
        messages.removeAll(keepingCapacity: true)
        committed.removeAll(keepingCapacity: true)
        readStates.removeAll(keepingCapacity: true)
        abandonedReads.removeAll(keepingCapacity: true)
        snapshotsToSend.removeAll(keepingCapacity: true)
    }
}
