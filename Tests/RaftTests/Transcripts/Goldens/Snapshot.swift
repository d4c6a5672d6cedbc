// SPDX-License-Identifier: Apache-2.0

extension Transcript {
    /// Source: Raft §7: who lags behind the start of the log gets a state.
    static let snapshot = Transcript(
        "snapshot",
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
        > cut 3
        > propose 1 a b
          1 writes w3: [2/1 a, 3/1 b]
          1>2 t1 append after 1/1 [2/1 a, 3/1 b] commit 1
          1>3 t1 append after 1/1 [2/1 a, 3/1 b] commit 1 (lost)
          1 has durably w3
        > deliver
          2<1 append
          2 writes w3: [2/1 a, 3/1 b]
          2 has durably w3
          2>1 t1 accepted 3
          1<2 accepted
          1 commits 3
          1 writes with the next: term 1 vote 1 commit 3
          1>2 t1 append after 3/1 [] commit 3
          1>3 t1 append after 3/1 [] commit 3 (lost)
          1 applies 2/1 a
          1 applies 3/1 b
          2<1 append
          2 commits 3
          2 writes with the next: term 1 vote 1 commit 3
          2>1 t1 accepted 3
          2 applies 2/1 a
          2 applies 3/1 b
          1<2 accepted
        > compact 1
        > propose 1 c
          1 writes w4: [4/1 c]
          1>2 t1 append after 3/1 [4/1 c] commit 3
          1>3 t1 append after 3/1 [4/1 c] commit 3 (lost)
          1 has durably w4
        > deliver
          2<1 append
          2 writes w4: [4/1 c]
          2 has durably w4
          2>1 t1 accepted 4
          1<2 accepted
          1 commits 4
          1 writes with the next: term 1 vote 1 commit 4
          1>2 t1 append after 4/1 [] commit 4
          1>3 t1 append after 4/1 [] commit 4 (lost)
          1 applies 4/1 c
          2<1 append
          2 commits 4
          2 writes with the next: term 1 vote 1 commit 4
          2>1 t1 accepted 4
          2 applies 4/1 c
          1<2 accepted
        > heal 3
        > tick 1
          1>2 t1 heartbeat commit 4 round 0
          1>3 t1 heartbeat commit 1 round 0
        > deliver
          2<1 heartbeat
          2>1 t1 heartbeat-answer round 0
          3<1 heartbeat
          3>1 t1 heartbeat-answer round 0
          1<2 heartbeat-answer
          1<3 heartbeat-answer
          1>3 t1 append after 4/1 [] commit 4
          3<1 append
          3>1 t1 rejected 4 hint 1/1
          1<3 rejected
          1 sends its state 3/1 to 3
          1>3 t1 snapshot 3/1 voters 1 2 3
          3<1 snapshot
          3 commits 3
          3 writes w3: term 1 vote 1 commit 3, state 3/1
          3 has durably w3
          3>1 t1 accepted 3
          1<3 accepted
          1>3 t1 append after 3/1 [4/1 c] commit 4
          3<1 append
          3 commits 4
          3 writes w4: term 1 vote 1 commit 4, [4/1 c]
          3 applies 4/1 c
          3 has durably w4
          3>1 t1 accepted 4
          1<3 accepted
        # It started from a state, and goes on from there after a crash.
        > crash 3
        > restart 3
          3 starts: term 1 vote 1 commit 4, 3/1 saved, log [4/1]
          3 applies 4/1 c
        > tick 1
          1>2 t1 heartbeat commit 4 round 0
          1>3 t1 heartbeat commit 4 round 0
        > deliver
          2<1 heartbeat
          2>1 t1 heartbeat-answer round 0
          3<1 heartbeat
          3 is follower in t1, led by 1
          3>1 t1 heartbeat-answer round 0
          1<2 heartbeat-answer
          1<3 heartbeat-answer
        """)
}
