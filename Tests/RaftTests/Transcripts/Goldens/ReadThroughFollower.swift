// SPDX-License-Identifier: Apache-2.0

extension Transcript {
    /// Source: Raft §8, thesis §6.4.
    static let readThroughFollower = Transcript(
        "readThroughFollower",
        """
        > voters 1 2 3
        > member 1
          1 starts: term 0 vote - commit 0, 0/0 saved, log []
        > member 2
          2 starts: term 0 vote - commit 0, 0/0 saved, log []
        > member 3
          3 starts: term 0 vote - commit 0, 0/0 saved, log []
        > elect 1
          1 is pre-candidate in t0
          1>2 t1 pre-vote last 0/0
          1>3 t1 pre-vote last 0/0
        > deliver
          2<1 pre-vote
          2>1 t1 pre-vote-answer yes
          3<1 pre-vote
          3>1 t1 pre-vote-answer yes
          1<2 pre-vote-answer
          1 is candidate in t1
          1 writes w1: term 1 vote 1 commit 0
          1 has durably w1
          1>2 t1 vote last 0/0
          1>3 t1 vote last 0/0
          1<3 pre-vote-answer
          2<1 vote
          2 writes w1: term 1 vote 1 commit 0
          2 has durably w1
          2>1 t1 vote-answer yes
          3<1 vote
          3 writes w1: term 1 vote 1 commit 0
          3 has durably w1
          3>1 t1 vote-answer yes
          1<2 vote-answer
          1 is leader in t1, led by 1
          1 writes w2: [1/1 -]
          1>2 t1 append after 0/0 [1/1 -] commit 0
          1>3 t1 append after 0/0 [1/1 -] commit 0
          1 has durably w2
          1<3 vote-answer
          2<1 append
          2 is follower in t1, led by 1
          2 writes w2: [1/1 -]
          2 has durably w2
          2>1 t1 accepted 1
          3<1 append
          3 is follower in t1, led by 1
          3 writes w2: [1/1 -]
          3 has durably w2
          3>1 t1 accepted 1
          1<2 accepted
          1 commits 1
          1 writes with the next: term 1 vote 1 commit 1
          1>2 t1 append after 1/1 [] commit 1
          1 applies 1/1 -
          1<3 accepted
          1>3 t1 append after 1/1 [] commit 1
          2<1 append
          2 commits 1
          2 writes with the next: term 1 vote 1 commit 1
          2>1 t1 accepted 1
          2 applies 1/1 -
          3<1 append
          3 commits 1
          3 writes with the next: term 1 vote 1 commit 1
          3>1 t1 accepted 1
          3 applies 1/1 -
          1<2 accepted
          1<3 accepted
        > propose 1 a
          1 writes w3: [2/1 a]
          1>2 t1 append after 1/1 [2/1 a] commit 1
          1>3 t1 append after 1/1 [2/1 a] commit 1
          1 has durably w3
        > deliver
          2<1 append
          2 writes w3: [2/1 a]
          2 has durably w3
          2>1 t1 accepted 2
          3<1 append
          3 writes w3: [2/1 a]
          3 has durably w3
          3>1 t1 accepted 2
          1<2 accepted
          1 commits 2
          1 writes with the next: term 1 vote 1 commit 2
          1>2 t1 append after 2/1 [] commit 2
          1>3 t1 append after 2/1 [] commit 2
          1 applies 2/1 a
          1<3 accepted
          2<1 append
          2 commits 2
          2 writes with the next: term 1 vote 1 commit 2
          2>1 t1 accepted 2
          2 applies 2/1 a
          3<1 append
          3 commits 2
          3 writes with the next: term 1 vote 1 commit 2
          3>1 t1 accepted 2
          3 applies 2/1 a
          1<2 accepted
          1<3 accepted
        # The follower asks, the leader makes sure that it leads, and only then answers.
        > read 2 7
          2>1 t1 read-index #7
        > deliver
          1<2 read-index
          1>2 t1 heartbeat commit 2 round 1
          1>3 t1 heartbeat commit 2 round 1
          2<1 heartbeat
          2>1 t1 heartbeat-answer round 1
          3<1 heartbeat
          3>1 t1 heartbeat-answer round 1
          1<2 heartbeat-answer
          1>2 t1 read-index-answer #7 at 2
          1<3 heartbeat-answer
          2<1 read-index-answer
          2 reads #7 at 2
        # The same with a round that a majority does not answer: no read.
        > read 2 8
          2>1 t1 read-index #8
        > deliver 2 1
          1<2 read-index
          1>2 t1 heartbeat commit 2 round 2
          1>3 t1 heartbeat commit 2 round 2
        > drop 1 2
          1>2 t1 heartbeat commit 2 round 2 (lost)
        > drop 1 3
          1>3 t1 heartbeat commit 2 round 2 (lost)
        > deliver
        # The next sign of life repeats the round.
        > tick 1
          1>2 t1 heartbeat commit 2 round 2
          1>3 t1 heartbeat commit 2 round 2
        > deliver
          2<1 heartbeat
          2>1 t1 heartbeat-answer round 2
          3<1 heartbeat
          3>1 t1 heartbeat-answer round 2
          1<2 heartbeat-answer
          1>2 t1 read-index-answer #8 at 2
          1<3 heartbeat-answer
          2<1 read-index-answer
          2 reads #8 at 2
        """)
}
