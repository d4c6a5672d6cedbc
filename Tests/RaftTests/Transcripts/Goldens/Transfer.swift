// SPDX-License-Identifier: Apache-2.0

extension Transcript {
    /// Source: Raft thesis §3.10.
    static let transfer = Transcript(
        "transfer",
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
        > drop 1 2
          1>2 t1 append after 1/1 [2/1 a] commit 1 (lost)
        # The target lags: it catches up first, and nothing is proposed meanwhile.
        > transfer 1 2
          1>2 t1 append after 2/1 [] commit 1
        > propose 1 b
          1 refuses: transferring
        > deliver
          3<1 append
          3 writes w3: [2/1 a]
          3 has durably w3
          3>1 t1 accepted 2
          2<1 append
          2>1 t1 rejected 2 hint 1/1
          1<3 accepted
          1 commits 2
          1 writes with the next: term 1 vote 1 commit 2
          1>2 t1 append after 2/1 [] commit 2
          1>3 t1 append after 2/1 [] commit 2
          1 applies 2/1 a
          1<2 rejected
          1>2 t1 append after 1/1 [2/1 a] commit 2
          2<1 append
          2>1 t1 rejected 2 hint 1/1
          3<1 append
          3 commits 2
          3 writes with the next: term 1 vote 1 commit 2
          3>1 t1 accepted 2
          3 applies 2/1 a
          2<1 append
          2 commits 2
          2 writes w3: term 1 vote 1 commit 2, [2/1 a]
          2 applies 2/1 a
          2 has durably w3
          2>1 t1 accepted 2
          1<2 rejected
          1<3 accepted
          1<2 accepted
          1>2 t1 timeout-now
          2<1 timeout-now
          2 is candidate in t2
          2 writes w4: term 2 vote 2 commit 2
          2 has durably w4
          2>1 t2 vote last 2/1 by transfer
          2>3 t2 vote last 2/1 by transfer
          1<2 vote
          1 is follower in t2
          1 writes w4: term 2 vote 2 commit 2
          1 has durably w4
          1>2 t2 vote-answer yes
          3<2 vote
          3 is follower in t2
          3 writes w4: term 2 vote 2 commit 2
          3 has durably w4
          3>2 t2 vote-answer yes
          2<1 vote-answer
          2 is leader in t2, led by 2
          2 writes w5: [3/2 -]
          2>1 t2 append after 2/1 [3/2 -] commit 2
          2>3 t2 append after 2/1 [3/2 -] commit 2
          2 has durably w5
          2<3 vote-answer
          1<2 append
          1 is follower in t2, led by 2
          1 writes w5: [3/2 -]
          1 has durably w5
          1>2 t2 accepted 3
          3<2 append
          3 is follower in t2, led by 2
          3 writes w5: [3/2 -]
          3 has durably w5
          3>2 t2 accepted 3
          2<1 accepted
          2 commits 3
          2 writes with the next: term 2 vote 2 commit 3
          2>1 t2 append after 3/2 [] commit 3
          2 applies 3/2 -
          2<3 accepted
          2>3 t2 append after 3/2 [] commit 3
          1<2 append
          1 commits 3
          1 writes with the next: term 2 vote 2 commit 3
          1>2 t2 accepted 3
          1 applies 3/2 -
          3<2 append
          3 commits 3
          3 writes with the next: term 2 vote 2 commit 3
          3>2 t2 accepted 3
          3 applies 3/2 -
          2<1 accepted
          2<3 accepted
        > propose 2 c
          2 writes w6: [4/2 c]
          2>1 t2 append after 3/2 [4/2 c] commit 3
          2>3 t2 append after 3/2 [4/2 c] commit 3
          2 has durably w6
        > deliver
          1<2 append
          1 writes w6: [4/2 c]
          1 has durably w6
          1>2 t2 accepted 4
          3<2 append
          3 writes w6: [4/2 c]
          3 has durably w6
          3>2 t2 accepted 4
          2<1 accepted
          2 commits 4
          2 writes with the next: term 2 vote 2 commit 4
          2>1 t2 append after 4/2 [] commit 4
          2>3 t2 append after 4/2 [] commit 4
          2 applies 4/2 c
          2<3 accepted
          1<2 append
          1 commits 4
          1 writes with the next: term 2 vote 2 commit 4
          1>2 t2 accepted 4
          1 applies 4/2 c
          3<2 append
          3 commits 4
          3 writes with the next: term 2 vote 2 commit 4
          3>2 t2 accepted 4
          3 applies 4/2 c
          2<1 accepted
          2<3 accepted
        """)
}
