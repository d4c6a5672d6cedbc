// SPDX-License-Identifier: Apache-2.0

extension Transcript {
    /// Source: Raft thesis §4.1; a change of the members is applied and told when it is durably committed.
    static let removal = Transcript(
        "removal",
        """
        > voters 1 2
        > member 1
          1 starts: term 0 vote - commit 0, 0/0 saved, log []
        > member 2
          2 starts: term 0 vote - commit 0, 0/0 saved, log []
        > elect 1
          1 is pre-candidate in t0
          1>2 t1 pre-vote last 0/0
        > deliver
          2<1 pre-vote
          2>1 t1 pre-vote-answer yes
          1<2 pre-vote-answer
          1 is candidate in t1
          1 writes w1: term 1 vote 1 commit 0
          1 has durably w1
          1>2 t1 vote last 0/0
          2<1 vote
          2 writes w1: term 1 vote 1 commit 0
          2 has durably w1
          2>1 t1 vote-answer yes
          1<2 vote-answer
          1 is leader in t1, led by 1
          1 writes w2: [1/1 -]
          1>2 t1 append after 0/0 [1/1 -] commit 0
          1 has durably w2
          2<1 append
          2 is follower in t1, led by 1
          2 writes w2: [1/1 -]
          2 has durably w2
          2>1 t1 accepted 1
          1<2 accepted
          1 commits 1
          1 writes with the next: term 1 vote 1 commit 1
          1>2 t1 append after 1/1 [] commit 1
          1 applies 1/1 -
          2<1 append
          2 commits 1
          2 writes with the next: term 1 vote 1 commit 1
          2>1 t1 accepted 1
          2 applies 1/1 -
          1<2 accepted
        > remove 1 2
          1 writes w3: [2/1 -2]
          1>2 t1 append after 1/1 [2/1 -2] commit 1
          1 has durably w3
        > hold 1
        # Committed by both, but 1 has not written that down: nobody hears of it.
        > deliver
          2<1 append
          2 writes w3: [2/1 -2]
          2 has durably w3
          2>1 t1 accepted 2
          1<2 accepted
          1 commits 2
          1 writes w4: term 1 vote 1 commit 2
        > tick 1
          1>2 t1 heartbeat commit 1 round 0
        > deliver
          2<1 heartbeat
          2>1 t1 heartbeat-answer round 0
          1<2 heartbeat-answer
        > sync 1
          1 has durably w4
          1>2 t1 append after 2/1 [] commit 2
          1 applies 2/1 -2
          1 counts voters 1
        > deliver
          2<1 append
          2 commits 2
          2 writes w4: term 1 vote 1 commit 2
          2 has durably w4
          2>1 t1 accepted 2
          2 applies 2/1 -2
          2 counts voters 1
          1<2 accepted
        # Alone, and knows it after a crash.
        > propose 1 a
          1 writes w5: [3/1 a]
          1 has durably w5
          1 commits 3
          1 writes with the next: term 1 vote 1 commit 3
          1 applies 3/1 a
        > crash 1
        > restart 1
          1 starts: term 1 vote 1 commit 2, 0/0 saved, log [1/1, 2/1, 3/1]
          1 applies 1/1 -
          1 applies 2/1 -2
          1 counts voters 1
        > elect 1
          1 is candidate in t2
          1 writes w1: term 2 vote 1 commit 2
          1 has durably w1
          1 is leader in t2, led by 1
          1 writes w2: [4/2 -]
          1 has durably w2
          1 commits 4
          1 writes with the next: term 2 vote 1 commit 4
          1 applies 3/1 a
          1 applies 4/2 -
        """)
}
