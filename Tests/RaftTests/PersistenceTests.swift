// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

/// Persist before send, while appending goes on.
@Suite struct PersistenceTests {
    static let voters = [one, two, three]

    /// Source: Raft figure 2, "updated on stable storage before responding".
    @Test func aVoteIsSaidWhenItIsDurable() throws {
        var node = RaftNode.make(voters: Self.voters, term: 1)
        node.step(.vote(last: .zero, isTransfer: false), from: two, term: 2)
        let orders = node.takeOrders()
        #expect(orders.hardState == HardState(term: term(2), vote: two) && orders.messages == [])
        #expect(!node.hasOrders)
        node.persisted(upTo: try #require(orders.write))
        #expect(node.takeOrders().bodies == [.voteAnswer(isGranted: true)])
    }

    @Test func anElectionIsAskedForWhenTheOwnVoteIsDurable() throws {
        var node = RaftNode.make(voters: Self.voters, settings: ElectionTests.plain)
        node.campaign()
        let orders = node.takeOrders()
        #expect(orders.hardState == HardState(term: term(1), vote: one) && orders.messages == [])
        node.persisted(upTo: try #require(orders.write))
        #expect(node.takeOrders().bodies.count == 2)
    }

    @Test func entriesAreAcknowledgedWhenTheyAreDurable() throws {
        var node = RaftNode.make(two, voters: Self.voters, term: 1)
        node.step(.append(previous: .zero, entries: entries(terms: 1), commit: .zero), from: one)
        let first = node.takeOrders()
        #expect(first.messages == [] && first.entries == entries(terms: 1))
        node.step(.append(previous: id(1, term: 1), entries: entries(terms: 1, from: 2), commit: .zero), from: one)
        let second = node.takeOrders()
        // A doubled append waits as well: the first isn't durable yet.
        node.step(.append(previous: .zero, entries: entries(terms: 1), commit: .zero), from: one)
        #expect(!node.hasOrders)
        node.persisted(upTo: try #require(first.write))
        #expect(node.takeOrders().bodies == [.appendAccepted(match: index(1))])
        node.persisted(upTo: try #require(second.write))
        #expect(node.takeOrders().bodies == [.appendAccepted(match: index(2)), .appendAccepted(match: index(1))])
        #expect(node.log.synced == index(2))
    }

    /// The report of a write says nothing about an index that was overwritten since.
    @Test func anOverwrittenEntryIsNotDurable() throws {
        var node = RaftNode.make(two, voters: Self.voters, term: 1)
        node.step(.append(previous: .zero, entries: entries(terms: 1, 1, 1), commit: .zero), from: one)
        let old = node.takeOrders()
        let later = entries(terms: 2, from: 2)
        node.step(.append(previous: id(1, term: 1), entries: later, commit: .zero), from: three, term: 2)
        let new = node.takeOrders()
        #expect(new.entries == entries(terms: 2, from: 2))
        node.persisted(upTo: try #require(old.write))
        #expect(node.log.synced == index(1))
        // And nobody is told of the old term.
        #expect(node.takeOrders().messages == [])
        node.persisted(upTo: try #require(new.write))
        #expect(node.log.synced == index(2))
        #expect(node.takeOrders().bodies(to: three) == [.appendAccepted(match: index(2))])
    }

    /// Nothing is promised by these.
    @Test func refusalsAndSignsOfLifeDoNotWait() {
        var node = RaftNode.make(two, voters: Self.voters, entries: entries(terms: 1))
        let later = entries(terms: 2, from: 2)
        node.step(.append(previous: id(1, term: 1), entries: later, commit: .zero), from: one, term: 2)
        node.step(.heartbeat(commit: .zero, round: ReadRound(3)), from: one)
        node.step(.append(previous: id(7, term: 2), entries: [], commit: .zero), from: one)
        node.step(.vote(last: id(9, term: 2), isTransfer: false), from: three)
        #expect(
            node.takeOrders().bodies == [
                .heartbeatAnswer(round: ReadRound(3)),
                .appendRejected(rejected: index(7), hint: id(2, term: 2)), .voteAnswer(isGranted: false),
            ])
    }

    /// What a majority committed is applied whether or not the own disk has it.
    @Test func committedEntriesAreAppliedBeforeTheOwnSync() throws {
        var node = RaftNode.make(two, voters: Self.voters, term: 1)
        node.step(.append(previous: .zero, entries: entries(terms: 1, 1), commit: index(2)), from: one)
        let orders = node.takeOrders()
        #expect(orders.committed.count == 2 && node.log.synced == index(0))
        // Commit comes with the entries: then it is as durable as they are.
        #expect(orders.hardState?.commit == index(2))
        node.applied(upTo: index(2))
        node.applied(upTo: index(1))
        #expect(node.log.applied == index(2))
    }

    /// Entries are written before the hard state that names their term.
    @Test func aTornWriteMayLeaveEntriesOfALaterTerm() {
        var node = RaftNode.make(voters: Self.voters, entries: entries(terms: 1, 3), term: 2, vote: two, commit: 1)
        #expect(node.term == term(3) && node.vote == nil && node.log.committed == index(1))
        #expect(node.settle().hardState == HardState(term: term(3), commit: index(1)))
    }

    /// Two changes in the log mean that the first was applied somewhere, so it was committed.
    @Test func aRestartFindsOutAboutCommittedChanges() {
        var log = entries(terms: 1, 1, 1)
        log[0].kind = .configurationChange
        log[2].kind = .configurationChange
        #expect(RaftNode.make(voters: Self.voters, entries: log).log.committed == index(1))
        log[2].kind = .normal
        #expect(RaftNode.make(voters: Self.voters, entries: log).log.committed == index(0))
    }
}
