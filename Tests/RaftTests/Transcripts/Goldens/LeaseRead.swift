// SPDX-License-Identifier: Apache-2.0

extension Transcript {
    /// Source: Raft thesis §6.4.1.
    static let leaseRead = Transcript(
        "leaseRead",
        """
        > lease
        > voters 1 2 3
        > member 1
          1 starts: term 0 vote - commit 0, 0/0 saved, log []
        > member 2
          2 starts: term 0 vote - commit 0, 0/0 saved, log []
        > member 3
          3 starts: term 0 vote - commit 0, 0/0 saved, log []
        # Each may have promised something before it started.
        > elect 2
        > tick 1 10
        > tick 3 10
        > tick 2 10
          2 is pre-candidate in t0
          2>1 t1 pre-vote last 0/0
          2>3 t1 pre-vote last 0/0
        > deliver
          1<2 pre-vote
          1>2 t1 pre-vote-answer yes
          3<2 pre-vote
          3>2 t1 pre-vote-answer yes
          2<1 pre-vote-answer
          2 is candidate in t1
          2 writes w1: term 1 vote 2 commit 0
          2 has durably w1
          2>1 t1 vote last 0/0
          2>3 t1 vote last 0/0
          2<3 pre-vote-answer
          1<2 vote
          1 writes w1: term 1 vote 2 commit 0
          1 has durably w1
          1>2 t1 vote-answer yes
          3<2 vote
          3 writes w1: term 1 vote 2 commit 0
          3 has durably w1
          3>2 t1 vote-answer yes
          2<1 vote-answer
          2 is leader in t1, led by 2
          2 writes w2: [1/1 -]
          2>1 t1 append after 0/0 [1/1 -] commit 0
          2>3 t1 append after 0/0 [1/1 -] commit 0
          2 has durably w2
          2<3 vote-answer
          1<2 append
          1 is follower in t1, led by 2
          1 writes w2: [1/1 -]
          1 has durably w2
          1>2 t1 accepted 1
          3<2 append
          3 is follower in t1, led by 2
          3 writes w2: [1/1 -]
          3 has durably w2
          3>2 t1 accepted 1
          2<1 accepted
          2 commits 1
          2 writes with the next: term 1 vote 2 commit 1
          2>1 t1 append after 1/1 [] commit 1
          2 applies 1/1 -
          2<3 accepted
          2>3 t1 append after 1/1 [] commit 1
          1<2 append
          1 commits 1
          1 writes with the next: term 1 vote 2 commit 1
          1>2 t1 accepted 1
          1 applies 1/1 -
          3<2 append
          3 commits 1
          3 writes with the next: term 1 vote 2 commit 1
          3>2 t1 accepted 1
          3 applies 1/1 -
          2<1 accepted
          2<3 accepted
        > tick 2
          2>1 t1 heartbeat commit 1 round 1
          2>3 t1 heartbeat commit 1 round 1
        > deliver
          1<2 heartbeat
          1>2 t1 heartbeat-answer round 1 promise 0.9 seconds
          3<2 heartbeat
          3>2 t1 heartbeat-answer round 1 promise 0.9 seconds
          2<1 heartbeat-answer
          2<3 heartbeat-answer
        > read 2 7
          2 reads #7 at 1
        > read 3 8
          3>2 t1 read-index #8
        > deliver
          2<3 read-index
          2>3 t1 read-index-answer #8 at 1
          3<2 read-index-answer
          3 reads #8 at 1
        # No longer so sure: a round.
        > time 720
        > read 2 9
          2>1 t1 heartbeat commit 1 round 2
          2>3 t1 heartbeat commit 1 round 2
        > deliver
          1<2 heartbeat
          1>2 t1 heartbeat-answer round 2 promise 0.9 seconds
          3<2 heartbeat
          3>2 t1 heartbeat-answer round 2 promise 0.9 seconds
          2<1 heartbeat-answer
          2 reads #9 at 1
          2<3 heartbeat-answer
        > read 2 10
          2 reads #10 at 1
        # Whoever has promised stands for nothing.
        > elect 3
        # From here on rounds alone.
        > transfer 2 1
          2>1 t1 timeout-now
        > read 2 11
          2>1 t1 heartbeat commit 1 round 3
          2>3 t1 heartbeat commit 1 round 3
        > drop 2 1
          2>1 t1 timeout-now (lost)
          2>1 t1 heartbeat commit 1 round 3 (lost)
        > deliver
          3<2 heartbeat
          3>2 t1 heartbeat-answer round 3 promise 0.9 seconds
          2<3 heartbeat-answer
          2 reads #11 at 1
        """)
}
