// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRESPCodec
import MartletStreams

extension Keyspace {
    /// The blocks that a command asks for and that are not in memory; to be asked where `mayLackBlocks`, until there
    /// are none. Then the command can be carried out, if nothing has changed.
    ///
    /// What a command refuses needs no blocks: commands read their words before they look at entries.
    public func wantedBlocks(_ entry: CommandEntry, _ call: Call) -> [WantedBlock] {
        var wanted: [WantedBlock] = []
        switch entry.name {
        case "xadd", "xtrim": wanted = trimmed(call, isAppend: entry.name == "xadd")
        case "xack": wanted = acknowledged(call)
        case "xreplay": wanted = replayed(call)
        case "xlen": wanted = counted(call)
        case "xdel": wanted = named(call, from: 2)
        case "xdelex", "xackdel": wanted = named(call, from: 3)
        case "xclaim": wanted = named(call, from: 5)
        case "xnack": wanted = named(call, from: 6)
        case "xidmprecord": wanted = named(call, from: 4)
        case "xrange": wanted = ranged(call, start: 2, end: 3, isReversed: false)
        case "xrevrange": wanted = ranged(call, start: 3, end: 2, isReversed: true)
        case "xread": wanted = read(call)
        case "xreadgroup": wanted = readByGroup(call)
        case "xautoclaim": wanted = autoclaimed(call)
        case "xinfo|stream": wanted = told(call)
        case "xinfo|groups": wanted = collect(call, 2) { $0.demandLags(&$1) }
        case "copy": wanted = collect(call, 1) { if !$0.canLendBlocks { $0.demandAll(&$1) } }
        case "dump": wanted = collect(call, 1) { $0.demandAll(&$1) }
        default: return []
        }
        return wanted
    }

    /// Of all commands of a transaction, as far as the state tells now.
    public func wantedBlocks(_ transaction: Transaction, now: Int64) -> [WantedBlock] {
        var wanted: [WantedBlock] = []
        for (index, item) in transaction.items.enumerated() where !item.entry.isOutside {
            let call = Call(transaction.commands[index], database: item.database, now: now)
            wanted += wantedBlocks(item.entry, call)
        }
        return wanted
    }

    /// What the stream of a word lacks.
    func collect(
        _ call: Call, _ index: Int, _ body: (Stream, inout BlockDemand) -> Void
    ) -> [WantedBlock] {
        guard let place = try? stream(call, index), look(at: place, { $0.absentCount }) > 0 else { return [] }
        var demand = BlockDemand()
        look(at: place) { body($0, &demand) }
        return wanted(demand, of: place)
    }

    func wanted(_ demand: BlockDemand, of place: Int) -> [WantedBlock] {
        let origins = look(at: place) { $0.origins }
        return demand.blocks.map { block in
            WantedBlock(
                keys: ([streamNumbers[place]] + origins).map { StreamTable.blockKey(block.number, of: $0) },
                byteCount: block.byteCount, base: block.base, place: place)
        }
    }

    // MARK: Families of commands

    private func trimmed(_ call: Call, isAppend: Bool) -> [WantedBlock] {
        // Mostly an append trims nothing.
        if isAppend, call.arguments.byte(2) == UInt8(ascii: "*") { return [] }
        guard let options = try? TrimOptions(call, from: 2, isAppend: isAppend, limits: settings.blocks),
            let trim = options.trim
        else { return [] }
        return collect(call, 1) { $0.demand(trim, added: isAppend ? 1 : 0, &$1) }
    }

    /// Entries that are named by words from `begin` on. Other words that read as IDs do no harm.
    private func named(_ call: Call, from begin: Int) -> [WantedBlock] {
        collect(call, 1) { stream, demand in
            for index in begin..<max(begin, call.count) {
                if let id = try? call.streamID(index) { stream.demand(id, &demand) }
            }
        }
    }

    private func acknowledged(_ call: Call) -> [WantedBlock] {
        collect(call, 1) { stream, demand in
            guard stream.retention.isAcknowledged, let ids = try? call.streamIDs(3..<call.count) else { return }
            stream.demandAcknowledge(ids, group: call.arguments.array(2), &demand)
        }
    }

    private func replayed(_ call: Call) -> [WantedBlock] {
        guard let request = try? ReplayRequest(call) else { return [] }
        return collect(call, 1) { $0.demand(.all, count: request.count, &$1) }
    }

    private func counted(_ call: Call) -> [WantedBlock] {
        guard call.count == 4, let lower = try? call.rangeStart(2), let upper = try? call.rangeEnd(3) else { return [] }
        return collect(call, 1) { $0.demandCount(in: StreamRange(lower, upper), &$1) }
    }

    private func ranged(_ call: Call, start: Int, end: Int, isReversed: Bool) -> [WantedBlock] {
        guard let request = try? RangeRequest(call, start: start, end: end) else { return [] }
        return collect(call, 1) {
            let count = request.selection.examined(for: request.count)
            $0.demand(request.range, count: count, isReversed: isReversed, &$1)
        }
    }

    private func read(_ call: Call) -> [WantedBlock] {
        guard let request = try? ReadRequest(call, isGroup: false), let starts = try? readStarts(call, request) else {
            return []
        }
        var wanted: [WantedBlock] = []
        for key in 0..<request.keyCount {
            wanted += collect(call, request.key(key)) { stream, demand in
                switch starts[key] {
                case .last: stream.demand(.all, count: 1, isReversed: true, &demand)
                case .after(let id):
                    if let range = StreamRange.after(id) {
                        stream.demand(range, count: request.selection.examined(for: request.count), &demand)
                    }
                }
            }
        }
        return wanted
    }

    private func readByGroup(_ call: Call) -> [WantedBlock] {
        guard let request = try? ReadRequest(call, isGroup: true), let word = request.group else { return [] }
        var wanted: [WantedBlock] = []
        for key in 0..<request.keyCount {
            // Mostly there are all: then no more is asked.
            guard let place = try? stream(call, request.key(key)), look(at: place, { $0.absentCount }) > 0 else {
                continue
            }
            wanted += readByGroup(call, request, word, key)
        }
        return wanted
    }

    /// Of one of the keys.
    ///
    /// - Parameter word: the group's.
    private func readByGroup(_ call: Call, _ request: ReadRequest, _ word: Int, _ key: Int) -> [WantedBlock] {
        let (group, consumer) = (call.arguments.array(word), call.arguments.array(word + 1))
        // One that is named again is read on from where the first read ends.
        let repeats = (0..<key).count { call.arguments[request.key($0)] == call.arguments[request.key(key)] }
        let count = request.count.multipliedReportingOverflow(by: repeats + 1)
        return collect(call, request.key(key)) { stream, demand in
            if let word = request.groupStart, !stream.hasGroup(named: group) {
                // It is made, and read from its beginning.
                guard let id = try? call.streamID(word), let range = StreamRange.after(id) else { return }
                stream.demand(range, count: count.overflow ? .max : count.partialValue, &demand)
            } else if call.arguments.byte(request.id(key)) == UInt8(ascii: ">") {
                stream.demandRead(
                    ofGroup: group, count: count.overflow ? .max : count.partialValue, isRepeated: repeats > 0,
                    claimIdle: request.claimIdle, now: call.time, &demand)
            } else if let id = try? call.streamID(request.id(key)) {
                stream.demandHistory(
                    ofConsumer: consumer, group: group, after: id, count: request.count, &demand)
            }
        }
    }

    private func autoclaimed(_ call: Call) -> [WantedBlock] {
        guard let request = try? AutoclaimRequest(call) else { return [] }
        return collect(call, 1) {
            $0.demandClaim(
                from: request.start, count: request.count, group: call.arguments.array(2),
                minimumIdle: max(request.minimumIdle, 0), now: call.time, &$1)
        }
    }

    private func told(_ call: Call) -> [WantedBlock] {
        let count: Int?
        do throws(CommandError) { count = try infoCount(call) } catch { return [] }
        return collect(call, 2) { stream, demand in
            guard let full = count else {
                stream.demand(.all, count: 1, &demand)
                return stream.demand(.all, count: 1, isReversed: true, &demand)
            }
            stream.demand(.all, count: full, &demand)
            stream.demandLags(&demand)
        }
    }
}
