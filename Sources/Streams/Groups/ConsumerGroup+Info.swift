// SPDX-License-Identifier: Apache-2.0

extension ConsumerGroup {
    /// Its consumers, in byte order of names.
    public var consumerInfos: [ConsumerInfo] {
        consumers.placesByName.map { place in
            let row = consumers[row: place]
            return ConsumerInfo(
                name: row.name, pendingCount: row.value.pending.sum.count, seenAt: row.value.seenAt,
                activeAt: row.value.activeAt)
        }
    }

    /// When a consumer is to be noted as seen again; `nil` where none is taken for idle, or there is none of this name.
    func seenDueAt(_ name: RawSpan) -> Int64? {
        guard let spacing = policy.seenSpacing, let place = consumers.place(of: name) else { return nil }
        return Stream.sum(consumers.withValue(at: place) { $0.seenAt }, spacing)
    }

    /// At most `count` pending entries of a range, in order.
    ///
    /// - Parameters:
    ///   - minimumIdle: milliseconds; what nobody holds is always idle enough. Parts of the tree with nothing so old
    ///     are passed over.
    ///   - consumer: whose alone; one that isn't there has none.
    public func pendingEntries(
        in range: StreamRange = .all, count: Int = .max, minimumIdle: Int64 = 0, consumer: [UInt8]? = nil, now: Int64
    ) -> [PendingEntry] {
        guard count > 0 else { return [] }
        var found: [PendingEntry] = []
        let age = minimumIdle > 0 ? now.subtractingReportingOverflow(minimumIdle).partialValue : .max
        if let consumer {
            guard let number = self.consumer(named: consumer) else { return [] }
            consumers.withValue(at: Int(number.rawValue)) { value in
                value.forEachID(in: range) { id in
                    if let entry = pendingEntry(id), entry.age <= age { found.append(entry) }
                    return found.count < count
                }
            }
            return found
        }
        forEachPending(in: range, upTo: age) { entry in
            found.append(entry)
            return found.count < count
        }
        return found
    }

    /// When the pending entry that waits longest was delivered, in milliseconds of the Unix clock: 0 where one is held
    /// by nobody, `nil` where none is pending. Complexity: O(1).
    public var oldestDeliveryAt: Int64? {
        pendingCount == parkedCount ? nil : max(pending.sum.oldest, 0)
    }
}
