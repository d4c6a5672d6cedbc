// SPDX-License-Identifier: Apache-2.0

extension Transcript {
    /// A commit of a removal that was not durable is forgotten by a crash, and nobody was told of it.
    static let removalForgotten = Transcript(
        "removalForgotten",
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
        > deliver
          2<1 append
          2 writes w3: [2/1 -2]
          2 has durably w3
          2>1 t1 accepted 2
          1<2 accepted
          1 commits 2
          1 writes w4: term 1 vote 1 commit 2
        > crash 1
        > restart 1
          1 starts: term 1 vote 1 commit 1, 0/0 saved, log [1/1, 2/1]
          1 applies 1/1 -
        # It needs 2 again, and 2 still serves.
        > tick 2 20
          2 is pre-candidate in t1
          2>1 t2 pre-vote last 2/1
        > deliver
          1<2 pre-vote
          1>2 t2 pre-vote-answer yes
          2<1 pre-vote-answer
          2 is candidate in t2
          2 writes w4: term 2 vote 2 commit 1
          2 has durably w4
          2>1 t2 vote last 2/1
          1<2 vote
          1 writes w1: term 2 vote 2 commit 1
          1 has durably w1
          1>2 t2 vote-answer yes
          2<1 vote-answer
          2 is leader in t2, led by 2
          2 writes w5: [3/2 -]
          2>1 t2 append after 2/1 [3/2 -] commit 1
          2 has durably w5
          1<2 append
          1 is follower in t2, led by 2
          1 writes w2: [3/2 -]
          1 has durably w2
          1>2 t2 accepted 3
          2<1 accepted
          2 commits 3
          2 writes w6: term 2 vote 2 commit 3
          2 has durably w6
          2>1 t2 append after 3/2 [] commit 3
          2 applies 2/1 -2
          2 counts voters 1
          2 applies 3/2 -
          2 is follower in t2
          1<2 append
          1 commits 3
          1 writes w3: term 2 vote 2 commit 3
          1 has durably w3
          1>2 t2 accepted 3
          1 applies 2/1 -2
          1 counts voters 1
          1 applies 3/2 -
          2<1 accepted
        > elect 1
          1 is candidate in t3
          1 writes w4: term 3 vote 1 commit 3
          1 has durably w4
          1 is leader in t3, led by 1
          1 writes w5: [4/3 -]
          1 has durably w5
          1 commits 4
          1 writes with the next: term 3 vote 1 commit 4
          1 applies 4/3 -
        > deliver
        """)
}
