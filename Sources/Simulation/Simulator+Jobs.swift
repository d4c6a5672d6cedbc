// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletReplica

/// What the client of recurring jobs knows, over all lives.
struct JobLedger {
    enum Ask {
        case set(String)
        case remove(String)
        case read
        /// For a flaw.
        case spoil
    }

    struct Job {
        var schedule: String
        /// In milliseconds.
        var period: Int64
        var grace: Int64
        /// Of its entries; 0 is not said.
        var priority: Int
        /// Whether it is known to be there.
        var isSet = false
        /// Whether somebody asked for its end, and whether that is known; a name is never used again then.
        var isRemoved: Bool?
        /// Whether it may be set once more, by a request that has got lost, and be another one of its name then.
        var isDoubtful = false
    }

    /// One run: of which job, and the moment that was due.
    struct Run: Hashable {
        var name: String
        var due: Int64
    }

    var asked: [Ask] = []
    var reply: [UInt8] = []
    var life: Life?
    /// By their names, which are numbered.
    var jobs: [String: Job] = [:]
    /// The entries of runs that somebody has seen.
    var seen: [Run: String] = [:]
    var names: [String] { jobs.keys.sorted() }
}

/// Jobs that put entries into a stream again and again: whoever leads, and whatever ends in between, no run comes
/// twice, and none is left out but those that are later than the job's grace, which it counts.
extension Simulator {
    /// Beside the numbers of other clients.
    static let jobClient = 20
    private static let jobStream = "j"
    /// Jobs of a run: all that they put in is looked at again and again.
    private static let jobsMax = 5
    private static let liveJobsMax = 2
    /// How late the next run may be in calm before it counts as missing, in milliseconds: an election, and a record.
    private static let latenessMax: Int64 = 5_000

    /// The client asks, as long as others do.
    func actOnJobs() throws(Violation) {
        guard case .busy = part else { return }
        plan(.jobClientActs, in: jobbing.number(0...conditions.thinkTime * 6))
        guard jobLedger.asked.isEmpty else { return }
        let serving = hosts.compactMap(\.life).filter(\.isReady)
        guard !serving.isEmpty else { return }
        let life = jobbing.pick(serving)
        jobLedger.life = life
        let (ask, words) = askOfJobs()
        jobLedger.asked = [ask]
        let arguments = Arguments(words.map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(arguments) else { preconditionFailure("no \(words)") }
        var request = CommandRequest(
            client: UInt64(Self.jobClient), database: 0, isRESP3: false, allowsLateReads: false,
            commands: CommandBatch())
        request.commands.append(arguments)
        request.items.append((0, entry))
        var reply = ReplyWriter()
        let answer = life.replica.run(request, &reply, at: moment(of: life), into: &life.effects)
        trace.note(now, "jobs", answer == .later ? 1 : 0, jobLedger.jobs.count)
        try take(CommandReply(client: UInt64(Self.jobClient), bytes: reply.bytes, isLast: answer == .complete))
        openTurn(life)
        planCommands(life)
    }

    private func askOfJobs() -> (JobLedger.Ask, [String]) {
        if let words = spoiling() { return (.spoil, words) }
        let live = jobLedger.names.filter { jobLedger.jobs[$0]?.isRemoved == nil }
        switch jobbing.number(0...9) {
        case 0...3 where live.count < Self.liveJobsMax && jobLedger.jobs.count < Self.jobsMax:
            let name = "job\(jobLedger.jobs.count)"
            let schedules: [(String, Int64)] = [("@every 500ms", 500), ("@every 3s", 3_000), ("*/2 * * * * *", 2_000)]
            let (schedule, period) = jobbing.pick(schedules)
            // The wall clock jumps by days: without a bound there would be no end of runs.
            let grace = Int64(jobbing.pick([300, 1_000, 3_000]))
            let priority = jobbing.pick([0, 0, 4, 9])
            jobLedger.jobs[name] = JobLedger.Job(
                schedule: schedule, period: period, grace: grace, priority: priority)
            return (.set(name), setting(name))
        case 4...5 where !live.isEmpty:
            // As whoever starts does: it goes on as it was.
            let name = jobbing.pick(live)
            return (.set(name), setting(name))
        case 6 where !live.isEmpty:
            let name = jobbing.pick(live)
            jobLedger.jobs[name]?.isRemoved = false
            return (.remove(name), ["XCRON", "DEL", Self.jobStream, name])
        default: return (.read, ["XREVRANGE", Self.jobStream, "+", "-", "COUNT", "10"])
        }
    }

    /// What a member with a flaw would do by itself to a run that was seen.
    private func spoiling() -> [String]? {
        guard flaw == .losesRuns || flaw == .repeatsRuns, jobbing.once(in: 3),
            let (run, id) = jobLedger.seen.max(by: { ($0.key.due, $0.key.name) < ($1.key.due, $1.key.name) })
        else { return nil }
        if flaw == .losesRuns { return ["XDEL", Self.jobStream, id] }
        return ["XADD", Self.jobStream, "*", "Cron-Job", run.name, "Cron-Due", "\(run.due)", "v", "0"]
    }

    private func setting(_ name: String) -> [String] {
        guard let job = jobLedger.jobs[name] else { preconditionFailure("no job \(name)") }
        let fields = ["v", "\(jobbing.number(0...9))"]
        let urgency = job.priority == 0 ? [] : ["PRIORITY", "\(job.priority)"]
        return ["XCRON", "SET", Self.jobStream, name, job.schedule, "GRACE", "\(job.grace)"] + urgency + ["*"] + fields
    }

    // MARK: Answers

    func takeOfJobs(_ answer: CommandReply) throws(Violation) {
        trace.add(answer.bytes)
        jobLedger.reply += answer.bytes
        guard answer.isLast else { return }
        let (asked, bytes) = (jobLedger.asked, jobLedger.reply)
        (jobLedger.asked, jobLedger.reply) = ([], [])
        var offset = 0
        for ask in asked {
            var parser = ReplyParser()
            guard let reply = try? parser.next(in: bytes.span.bytes, at: &offset) else {
                throw Violation("the client of jobs has no answer to \(ask)")
            }
            try note(reply, to: ask)
        }
    }

    private func note(_ reply: ReplyValue, to ask: JobLedger.Ask) throws(Violation) {
        switch (ask, reply) {
        case (_, .error(let text)):
            let text = String(decoding: text, as: UTF8.self)
            let known = ["UNCERTAIN", "TRYAGAIN", "CLUSTERDOWN"]
            guard known.contains(where: { text.hasPrefix($0) }) else { throw Violation("\(ask) was answered \(text)") }
            doubt(ask)
        case (.set(let name), .integer): jobLedger.jobs[name]?.isSet = true
        case (.remove(let name), .integer(let count)):
            guard let job = jobLedger.jobs[name] else { return }
            if job.isSet, count != 1 { throw Violation("job \(name) is lost: there was none to remove") }
            if count == 1, !job.isDoubtful { jobLedger.jobs[name]?.isRemoved = true }
        case (.spoil, _): return
        case (.read, .array): for run in try runs(reply) { try noteSeen(run.run, run.id) }
        default: throw Violation("\(ask) was answered \(reply)")
        }
    }

    private func doubt(_ ask: JobLedger.Ask) {
        if case .set(let name) = ask { jobLedger.jobs[name]?.isDoubtful = true }
    }

    private func noteSeen(_ run: JobLedger.Run, _ id: String) throws(Violation) {
        guard let other = jobLedger.seen.updateValue(id, forKey: run) else { return counts.jobRuns += 1 }
        if other != id { throw Violation("the run \(run.due) of \(run.name) is \(other) and \(id)") }
    }

    private func runs(_ reply: ReplyValue) throws(Violation) -> [(run: JobLedger.Run, id: String)] {
        var runs: [(run: JobLedger.Run, id: String)] = []
        for entry in Self.fields(reply) {
            guard let name = entry.fields["Cron-Job"], let due = entry.fields["Cron-Due"].flatMap({ Int64($0) }),
                entry.fields["v"] != nil
            else { throw Violation("\(entry.id) is no run of a job") }
            runs.append((JobLedger.Run(name: name, due: due), entry.id))
        }
        return runs
    }

    func forgetJobAnswers(of life: Life) {
        guard jobLedger.life === life else { return }
        for ask in jobLedger.asked { doubt(ask) }
        (jobLedger.life, jobLedger.asked, jobLedger.reply) = (nil, [], [])
    }

    // MARK: What must hold

    /// What a job's member says of it.
    private struct Listed {
        var next: Int64
        var last: Int64
        var runs: Int64
        var skipped: Int64
        var priority: Int64
    }

    func checkJobs(_ life: Life) throws(Violation) {
        let listed = try listedJobs(life)
        var dues: [String: [Int64]] = [:]
        var found: [JobLedger.Run: String] = [:]
        for (run, id) in try runs(try ask(life, "XRANGE", Self.jobStream, "-", "+")) {
            if let other = found.updateValue(id, forKey: run) {
                throw Violation("the run \(run.due) of \(run.name) is there twice: \(other) and \(id)")
            }
            if let last = dues[run.name]?.last, run.due <= last {
                throw Violation("\(run.name) ran for \(run.due) after \(last)")
            }
            dues[run.name, default: []].append(run.due)
        }
        let urgent = found.keys.count { jobLedger.jobs[$0.name].map { $0.priority > 0 } ?? false }
        if try urgentRuns(life) != urgent {
            throw Violation("\(urgent) runs of urgent jobs are there, and \(try urgentRuns(life)) are urgent")
        }
        for (run, id) in found { try noteSeen(run, id) }
        for (run, id) in jobLedger.seen where found[run] != id {
            throw Violation("the run \(run.due) of \(run.name), \(id), is lost")
        }
        for name in jobLedger.names {
            guard let job = jobLedger.jobs[name] else { continue }
            guard let state = listed[name] else {
                if job.isSet, job.isRemoved == nil { throw Violation("job \(name) is lost") }
                continue
            }
            if job.isRemoved == true { throw Violation("job \(name) was removed and is back") }
            if job.isRemoved == nil || !job.isDoubtful { try check(name, job, state, dues[name] ?? []) }
        }
    }

    /// Runs follow each other by the schedule; what is left out was counted.
    private func check(
        _ name: String, _ job: JobLedger.Job, _ state: Listed, _ dues: [Int64]
    ) throws(Violation) {
        if state.priority != Int64(job.priority) {
            throw Violation("job \(name) has the priority \(state.priority), not \(job.priority)")
        }
        if state.runs != Int64(dues.count) {
            throw Violation("job \(name) ran \(state.runs) times, and \(dues.count) runs are there")
        }
        if let last = dues.last, last != state.last {
            throw Violation("job \(name) ran last \(state.last), not \(last)")
        }
        let moments = dues + [state.next]
        var gaps: Int64 = 0
        for (before, after) in zip(moments, moments.dropFirst()) where after != before + job.period {
            if after < before + job.period { throw Violation("job \(name) ran at \(before) and at \(after)") }
            gaps += 1
        }
        if gaps > state.skipped {
            throw Violation("job \(name) left out runs at \(gaps) places, and counts \(state.skipped): \(moments)")
        }
    }

    private func listedJobs(_ life: Life) throws(Violation) -> [String: Listed] {
        guard case .array(let rows) = try ask(life, "XCRON", "LIST", Self.jobStream) else { return [:] }
        var listed: [String: Listed] = [:]
        for row in rows {
            guard case .array(let words) = row else { throw Violation("XCRON LIST: \(row)") }
            var numbers: [String: Int64] = [:]
            var name = ""
            for index in stride(from: 0, to: words.count - 1, by: 2) {
                guard case .bulk(let key) = words[index] else { throw Violation("XCRON LIST: \(row)") }
                let word = String(decoding: key, as: UTF8.self)
                if case .integer(let number) = words[index + 1] { numbers[word] = number }
                if word == "name", case .bulk(let text) = words[index + 1] {
                    name = String(decoding: text, as: UTF8.self)
                }
            }
            guard let next = numbers["next"], let last = numbers["last"], let runs = numbers["runs"],
                let skipped = numbers["skipped"]
            else { throw Violation("XCRON LIST: \(row)") }
            listed[name] = Listed(
                next: next, last: last, runs: runs, skipped: skipped, priority: numbers["priority"] ?? 0)
        }
        return listed
    }

    /// Entries of the jobs' stream that have a priority.
    private func urgentRuns(_ life: Life) throws(Violation) -> Int {
        guard case .array(let words) = try ask(life, "XINFO", "STREAM", Self.jobStream) else { return 0 }
        for index in stride(from: 0, to: words.count - 1, by: 2) {
            if case (.bulk(Array("prioritized".utf8)), .integer(let count)) = (words[index], words[index + 1]) {
                return Int(count)
            }
        }
        return 0
    }

    /// A run whose time has come long ago, as the leader's clock has it.
    func missingRun() throws(Violation) -> String? {
        guard let life = hosts.count == 1 ? hosts[0].life : leadersLife, life.isReady else { return nil }
        let time = life.replica.commandTime(at: moment(of: life))
        for (name, state) in try listedJobs(life).sorted(by: { $0.key < $1.key })
        where state.next < time - Self.latenessMax {
            return "the run \(state.next) of \(name), at \(time)"
        }
        return nil
    }
}
