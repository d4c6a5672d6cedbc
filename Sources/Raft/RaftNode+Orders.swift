// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

extension RaftNode {
    /// Whether somebody who lags would be given entries if `catchUpBytes` let it.
    public var hasCatchUp: Bool {
        guard role == .leader else { return false }
        return peers.contains { peer in
            peer.state == .replicate && lags(peer) && peer.next.predecessor >= log.base.index
                && !peer.inflights.isFull(settings.limits)
        }
    }

    /// Whether taking orders would yield any.
    public var hasOrders: Bool {
        if hasUnwritten || hardState != writtenHardState || softState != toldSoftState { return true }
        if !outbox.isEmpty || !readStates.isEmpty || !abandonedReads.isEmpty || !snapshotsToSend.isEmpty { return true }
        if log.applying < log.settled, !isInstalling {
            // One entry passes if nothing is being applied; whether more fit is known only by looking.
            let bytes = log.applyingBytes + log[log.applying + 1].data.count
            if log.applying == log.applied || bytes <= settings.limits.applyingBytesMax { return true }
        }
        guard role == .leader else { return false }
        return isLeavingDue || reads.needsRound || peers.contains { hasNews(for: $0) }
    }

    /// Whether `sendAppends` would do anything for this peer.
    private func hasNews(for peer: Progress) -> Bool {
        let previous = peer.next.predecessor
        let hasCommit = peer.toldCommit < min(log.settled, previous)
        if peer.state == .snapshot || (peer.state == .probe && peer.isProbeSent) { return false }
        if previous < log.base.index { return peer.isActive }
        let isHeldBack = catchUpBytes <= 0 && lags(peer) || peer.inflights.isFull(settings.limits)
        if peer.state == .replicate, isHeldBack { return hasCommit }
        return hasCommit || previous < log.last
    }

    /// Puts everything to be done into `orders`, in place of what was there.
    ///
    /// - Parameter now: what the member's monotonic clock says, looked at after all that this node was told before;
    ///   `nil` where `RaftSettings.lease` is.
    public mutating func takeOrders(into orders: inout Orders, at now: Duration? = nil) {
        orders.removeAll()
        if role == .leader {
            leaveJointConfiguration()
            if let now { serveByLease(at: now) }
            startReadRound(at: now)
            sendAppends()
        }
        takeWrite(into: &orders)
        if !isInstalling {
            let bytes = log.takeCommitted(into: &orders.committed, bytesMax: settings.limits.applyingBytesMax)
            // What an earlier leader proposed was never counted.
            uncommittedBytes = max(0, uncommittedBytes - bytes)
        }
        swap(&orders.messages, &outbox)
        swap(&orders.readStates, &readStates)
        swap(&orders.abandonedReads, &abandonedReads)
        swap(&orders.snapshotsToSend, &snapshotsToSend)
        if softState != toldSoftState {
            toldSoftState = softState
            orders.softState = softState
        }
    }

    public mutating func takeOrders(at now: Duration? = nil) -> Orders {
        var orders = Orders()
        takeOrders(into: &orders, at: now)
        return orders
    }

    private mutating func takeWrite(into orders: inout Orders) {
        let mustBeSynced = hasUnwritten
        if hardState != writtenHardState || log.awaitsCommitOnDisk {
            writtenHardState = hardState
            orders.hardState = hardState
        }
        guard mustBeSynced else { return }
        lastWrite = WriteNumber(lastWrite.rawValue + 1)
        orders.write = lastWrite
        log.takeUnwritten(into: &orders.entries)
        log.noteWrite(lastWrite)
        if let snapshotToInstall {
            orders.snapshot = snapshotToInstall
            self.snapshotToInstall = nil
            installingWrite = lastWrite
        }
    }

    /// Every write up to `write` is durable, a snapshot in it installed. Old news changes nothing.
    public mutating func persisted(upTo write: WriteNumber) {
        guard write > persistedWrite else { return }
        precondition(write <= lastWrite, "write \(write) was never ordered, only \(lastWrite)")
        persistedWrite = write
        log.noteSynced(upTo: write)
        if let installing = installingWrite, installing <= write { installingWrite = nil }
        releaseHeld()
        advanceCommit()
    }

    /// A candidate whose own vote is released may become a leader, and then has nothing held.
    private mutating func releaseHeld() {
        var done = 0
        while done < held.count, held[done].write <= persistedWrite {
            release(held[done].message)
            done += 1
        }
        held.removeSubrange(0..<done)
    }

    /// Committed entries up to `index` are applied. Old news changes nothing.
    public mutating func applied(upTo index: LogIndex) {
        log.noteApplied(upTo: index)
    }

    /// Forgets entries up to `index`, which must be applied and durable and be contained in a durable state. How many
    /// to keep for slow followers is the driver's choice.
    public mutating func compact(upTo index: LogIndex) {
        log.compact(upTo: index)
    }
}
