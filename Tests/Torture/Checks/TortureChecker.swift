// SPDX-License-Identifier: Apache-2.0

import MartletSimulation

/// Holds the histories that the members have in the end against each other, and against what clients know.
///
/// A member's history is all changes since revision 1, as a watch delivers them. Since each value is written once and
/// each answer names a revision, most promises can be checked one call at a time; that calls have one order that
/// respects real time is checked twice, once by revisions and once by a search that knows values only.
package struct TortureChecker {
    /// By member.
    package var histories: [(member: String, events: [TortureEvent])]
    package var calls: [KnownCall]
    /// What a watch delivered that went on through all faults.
    package var watched: [TortureEvent]?
    /// Whose keys are fought for, so that the search is worth its time.
    package var foughtPrefix = Registers.prefix

    /// How many of one kind are told; the others are counted.
    private static let toldMax = 3

    package struct Verdict: Sendable {
        package var violations: [String] = []
        package var registers = 0
        package var undecided = 0
        /// Acknowledged writes that a member has at another revision than was said, or not at all.
        package var misplaced = 0
    }

    package init(
        histories: [(member: String, events: [TortureEvent])], calls: [KnownCall], watched: [TortureEvent]? = nil
    ) {
        (self.histories, self.calls, self.watched) = (histories, calls, watched)
    }

    package func verdict() -> Verdict {
        var verdict = Verdict()
        checkAgreement(&verdict)
        for (member, events) in histories { checkWrites(member, events, &verdict) }
        if let first = histories.first { checkReads(first.member, first.events, &verdict) }
        checkOrder(&verdict)
        checkRegisters(&verdict)
        if let watched, let first = histories.first {
            add(Self.difference("the watch", watched, first.member, first.events).map { [$0] } ?? [], &verdict)
        }
        return verdict
    }

    private func add(_ found: [String], _ verdict: inout Verdict) {
        verdict.violations += found.prefix(Self.toldMax)
        if found.count > Self.toldMax { verdict.violations.append("… and \(found.count - Self.toldMax) more like it") }
    }

    // MARK: Members

    private func checkAgreement(_ verdict: inout Verdict) {
        guard let (first, events) = histories.first.map({ ($0.member, $0.events) }) else {
            verdict.violations.append("no member has answered")
            return
        }
        var revision: Int64 = 1
        for event in events {
            // One change a revision: the calls change one key each.
            if event.revision != revision + 1 {
                verdict.violations.append("\(first) has revision \(event.revision) behind \(revision)")
                break
            }
            revision = event.revision
        }
        for (member, other) in histories.dropFirst() {
            if let difference = Self.difference(member, other, first, events) {
                verdict.violations.append(difference)
            }
        }
    }

    private static func difference(
        _ name: String, _ events: [TortureEvent], _ other: String, _ others: [TortureEvent]
    ) -> String? {
        guard events != others else { return nil }
        let index = zip(events, others).enumerated().first { $1.0 != $1.1 }?.offset ?? min(events.count, others.count)
        func text(_ events: [TortureEvent]) -> String {
            events.indices.contains(index) ? Self.text(events[index]) : "nothing"
        }
        return "\(name) has \(text(events)) where \(other) has \(text(others))"
    }

    private func checkWrites(_ member: String, _ events: [TortureEvent], _ verdict: inout Verdict) {
        var found: [UInt64: TortureEvent] = [:]
        var deletions: [Int64: String] = [:]
        var twice: [String] = []
        var wrong: [String] = []
        for event in events {
            guard let value = event.value else {
                deletions[event.revision] = event.key
                continue
            }
            if let before = found.updateValue(event, forKey: value) {
                twice.append("\(member) has \(Self.text(before)) again: \(Self.text(event))")
            }
        }
        for call in calls {
            switch (call.outcome, call.written) {
            case (.done(let revision), let value?):
                guard found[value] != TortureEvent(revision: revision, key: call.key, value: value) else { continue }
                let instead = found[value].map { "at \($0.revision)" } ?? "nowhere"
                wrong.append("\(call.key) = \(value) was acknowledged at \(revision); \(member) has it \(instead)")
            case (.done(let revision), nil):
                guard case .delete = call.action, deletions[revision] != call.key else { continue }
                wrong.append("the deletion of \(call.key) was acknowledged at \(revision); \(member) doesn't have it")
            case (.refused, let value?), (.never, let value?):
                guard let event = found[value] else { continue }
                wrong.append("\(member) has \(Self.text(event)), which was refused")
            case (.refused, nil), (.never, nil), (.unknown, _): continue
            }
        }
        verdict.misplaced = max(verdict.misplaced, wrong.count)
        add(twice, &verdict)
        add(wrong, &verdict)
    }

    // MARK: Answers

    /// What was read, or in the way of a swap, was there at the revision of the answer.
    private func checkReads(_ member: String, _ events: [TortureEvent], _ verdict: inout Verdict) {
        let byKey = Dictionary(grouping: events, by: \.key)
        func state(of key: String, at revision: Int64) -> TortureEvent? {
            let own = byKey[key] ?? []
            var (low, high) = (0, own.count)
            while low < high {
                let middle = (low + high) / 2
                if own[middle].revision <= revision { low = middle + 1 } else { high = middle }
            }
            return low > 0 && own[low - 1].value != nil ? own[low - 1] : nil
        }
        var wrong: [String] = []
        for call in calls {
            switch (call.action, call.outcome) {
            case (.read(let value, let modRevision), .done(let revision)):
                let held = state(of: call.key, at: revision)
                if held?.value != value || held?.revision ?? 0 != modRevision {
                    wrong.append("a read of \(call.key) at revision \(revision) found \(Self.text(value))")
                }
            case (.swap(let expected, _), .refused(let revision)):
                if state(of: call.key, at: revision)?.value == expected {
                    wrong.append("a swap of \(call.key) at revision \(revision) found nothing in its way, and refused")
                }
            case (.swap(let expected, _), .done(let revision)):
                if state(of: call.key, at: revision - 1)?.value != expected {
                    wrong.append("a swap of \(call.key) at revision \(revision) did not find \(Self.text(expected))")
                }
            case (.delete, .refused(let revision)):
                if state(of: call.key, at: revision) != nil {
                    wrong.append("a deletion of \(call.key) at revision \(revision) found nothing, wrongly")
                }
            default: continue
            }
        }
        add(wrong, &verdict)
    }

    /// No answer is older than one that was there before its request began, and writes are newer.
    private func checkOrder(_ verdict: inout Verdict) {
        let answered = calls.compactMap { call in call.revision.map { (call, $0) } }
        let byEnd = answered.sorted { $0.0.ended < $1.0.ended }
        var (next, newest) = (0, Int64(0))
        var wrong: [String] = []
        for (call, revision) in answered.sorted(by: { $0.0.began < $1.0.began }) {
            while next < byEnd.count, byEnd[next].0.ended < call.began {
                newest = max(newest, byEnd[next].1)
                next += 1
            }
            let isWrite = if case .done = call.outcome { !call.isRead } else { false }
            if isWrite ? revision <= newest : revision < newest {
                wrong.append(
                    "\(call.isRead ? "a read" : "a call") of \(call.key) was answered at revision \(revision) "
                        + "when \(newest) was known before it began")
            }
        }
        add(wrong, &verdict)
    }

    private func checkRegisters(_ verdict: inout Verdict) {
        let fought = Dictionary(grouping: calls.filter { $0.key.hasPrefix(foughtPrefix) }, by: \.key)
        for (key, calls) in fought.sorted(by: { $0.key < $1.key }) {
            verdict.registers += 1
            switch RegisterHistory(calls.compactMap(\.operation)).verdict() {
            case .linearizable: break
            case .broken: verdict.violations.append("no order of the \(calls.count) calls of \(key) explains them")
            case .undecided: verdict.undecided += 1
            }
        }
    }

    // MARK: Text

    private static func text(_ event: TortureEvent) -> String {
        "\(event.key) = \(text(event.value)) at \(event.revision)"
    }

    private static func text(_ value: UInt64?) -> String { value.map(String.init) ?? "nothing" }
}

extension KnownCall {
    var isRead: Bool { if case .read = action { true } else { false } }

    /// As the search for an order takes it; `nil` where it can't have had an effect.
    fileprivate var operation: RegisterHistory.Operation? {
        if outcome == .never { return nil }
        let end = outcome == .unknown ? nil : ended
        switch action {
        case .put(let value): return .init(.write(value), began: began, ended: end)
        case .delete: return .init(.write(nil), began: began, ended: end)
        case .read(let value, _): return .init(.read(value), began: began, ended: end)
        case .swap(let expected, let new):
            let isDone = if case .done = outcome { true } else { false }
            return .init(.exchange(expected: expected, new: new, isDone: isDone), began: began, ended: end)
        }
    }
}
