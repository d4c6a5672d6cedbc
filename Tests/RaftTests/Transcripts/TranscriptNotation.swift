// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

/// How a transcript writes things: an entry's identity is `index/term`, what it holds follows.
enum TranscriptNotation {
    static func text(_ id: EntryID) -> String { "\(id.index.rawValue)/\(id.term.rawValue)" }

    static func text(_ entry: Entry) -> String {
        switch entry.kind {
        case .configurationChange: "\(text(entry.id)) \(text(ConfigurationChange(encoded: entry.data)))"
        case .jointChange: "\(text(entry.id)) \(text(JointChange(encoded: entry.data)))"
        case .normal: "\(text(entry.id)) \(entry.data.isEmpty ? "-" : String(decoding: entry.data, as: UTF8.self))"
        }
    }

    static func text(_ entries: [Entry]) -> String { "[\(entries.map { text($0) }.joined(separator: ", "))]" }

    static func text(_ change: ConfigurationChange) -> String {
        switch change.kind {
        case .addVoter: "+\(change.member)"
        case .remove: "-\(change.member)"
        case .update: "~\(change.member)"
        case .addLearner: "+\(change.member)(learner)"
        }
    }

    static func text(_ change: JointChange) -> String {
        switch change {
        case .enter(let changes): "joint(\(changes.map { text($0) }.joined(separator: " ")))"
        case .leave: "leave"
        }
    }

    static func text(_ configuration: Configuration) -> String {
        func list(_ members: [MemberID]) -> String { members.map(\.description).joined(separator: " ") }
        var voters = "voters \(list(configuration.voters))"
        if configuration.isJoint { voters += " and \(list(configuration.outgoing))" }
        if configuration.learners.isEmpty { return voters }
        return voters + " learners \(list(configuration.learners))"
    }

    static func text(_ state: HardState) -> String {
        "term \(state.term.rawValue) vote \(state.vote?.description ?? "-") commit \(state.commit.rawValue)"
    }

    static func text(_ role: Role) -> String {
        switch role {
        case .follower: "follower"
        case .preCandidate: "pre-candidate"
        case .candidate: "candidate"
        case .leader: "leader"
        }
    }

    /// The word for a message, and what it says.
    static func parts(_ body: Message.Body) -> (name: String, rest: String) {
        switch body {
        case .append(let previous, let entries, let commit):
            ("append", "after \(text(previous)) \(text(entries)) commit \(commit.rawValue)")
        case .appendAccepted(let match): ("accepted", "\(match.rawValue)")
        case .appendRejected(let rejected, let hint): ("rejected", "\(rejected.rawValue) hint \(text(hint))")
        case .heartbeat(let commit, let round): ("heartbeat", "commit \(commit.rawValue) round \(round.rawValue)")
        case .heartbeatAnswer(let round, let promise):
            ("heartbeat-answer", "round \(round.rawValue)\(promise.map { " promise \($0)" } ?? "")")
        case .preVote(let last): ("pre-vote", "last \(text(last))")
        case .preVoteAnswer(let isGranted): ("pre-vote-answer", isGranted ? "yes" : "no")
        case .vote(let last, let isTransfer): ("vote", "last \(text(last))\(isTransfer ? " by transfer" : "")")
        case .voteAnswer(let isGranted): ("vote-answer", isGranted ? "yes" : "no")
        case .snapshot(let mark): ("snapshot", "\(text(mark.last)) \(text(mark.configuration))")
        case .committed(let entry): ("committed", text(entry))
        case .committedQuestion: ("committed-question", "")
        case .staleTerm: ("stale-term", "")
        case .proposal(let proposals):
            ("proposal", proposals.map { String(decoding: $0.data, as: UTF8.self) }.joined(separator: " "))
        case .readIndex(let context): ("read-index", "#\(context.rawValue)")
        case .readIndexAnswer(let context, let index):
            ("read-index-answer", "#\(context.rawValue) at \(index.rawValue)")
        case .transferLeadership(let target): ("transfer", "to \(target)")
        case .timeoutNow: ("timeout-now", "")
        case .clockQuestion: ("clock-question", "")
        case .clockAnswer: ("clock-answer", "")
        }
    }

    static func text(_ message: Message) -> String {
        let (name, rest) = parts(message.body)
        let head = "\(message.from)>\(message.to) t\(message.term.rawValue) \(name)"
        return rest.isEmpty ? head : "\(head) \(rest)"
    }
}
