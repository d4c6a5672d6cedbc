// SPDX-License-Identifier: Apache-2.0

extension Transcript {
    /// Source: Raft figure 8 (e): an entry of its own term on a majority commits all before it.
    static let figure8Committed = Transcript(
        "figure8Committed",
        """
        > plain
        > append-bytes 1
        > voters 1 2 3 4 5
        # As in (b): 1 led term 2, 5 led term 3, each with entries that no majority has.
        > member 1 1 2 2 in 3
          1 starts: term 3 vote - commit 0, 0/0 saved, log [1/1, 2/2, 3/2]
        > member 2 1 2 in 3
          2 starts: term 3 vote - commit 0, 0/0 saved, log [1/1, 2/2]
        > member 3 1 in 3
          3 starts: term 3 vote - commit 0, 0/0 saved, log [1/1]
        > member 4 1 in 3
          4 starts: term 3 vote - commit 0, 0/0 saved, log [1/1]
        > member 5 1 3
          5 starts: term 3 vote - commit 0, 0/0 saved, log [1/1, 2/3]
        > cut 4
        > cut 5
        > elect 1
          1 is candidate in t4
          1 writes w1: term 4 vote 1 commit 0
          1 has durably w1
          1>2 t4 vote last 3/2
          1>3 t4 vote last 3/2
          1>4 t4 vote last 3/2 (lost)
          1>5 t4 vote last 3/2 (lost)
        > deliver 1 2
          2<1 vote
          2 writes w1: term 4 vote 1 commit 0
          2 has durably w1
          2>1 t4 vote-answer yes
        > deliver 1 3
          3<1 vote
          3 writes w1: term 4 vote 1 commit 0
          3 has durably w1
          3>1 t4 vote-answer yes
        > deliver 2 1
          1<2 vote-answer
        > deliver 3 1
          1<3 vote-answer
          1 is leader in t4, led by 1
          1 writes w2: [4/4 -]
          1>2 t4 append after 3/2 [4/4 -] commit 0
          1>3 t4 append after 3/2 [4/4 -] commit 0
          1>4 t4 append after 3/2 [4/4 -] commit 0 (lost)
          1>5 t4 append after 3/2 [4/4 -] commit 0 (lost)
          1 has durably w2
        # The leader of term 4 brings all to 2, and its first entry of term 2 to 3.
        > deliver 1 2
          2<1 append
          2 is follower in t4, led by 1
          2>1 t4 rejected 3 hint 2/2
        > deliver 2 1
          1<2 rejected
          1>2 t4 append after 2/2 [3/2 3, 4/4 -] commit 0
        > deliver 1 2
          2<1 append
          2 writes w2: [3/2 3, 4/4 -]
          2 has durably w2
          2>1 t4 accepted 4
        > deliver 2 1
          1<2 accepted
        > deliver 1 3
          3<1 append
          3 is follower in t4, led by 1
          3>1 t4 rejected 3 hint 1/1
        > deliver 3 1
          1<3 rejected
          1>3 t4 append after 1/1 [2/2 2] commit 0
        > deliver 1 3
          3<1 append
          3 writes w2: [2/2 2]
          3 has durably w2
          3>1 t4 accepted 2
        > deliver 3 1
          1<3 accepted
          1>3 t4 append after 2/2 [3/2 3, 4/4 -] commit 0
        # (c): 1 knows 2/2 on 1, 2 and 3, a majority; it isn't committed, for it is of an earlier term.
        > deliver 1 3
          3<1 append
          3 writes w3: [3/2 3, 4/4 -]
          3 has durably w3
          3>1 t4 accepted 4
        > deliver 3 1
          1<3 accepted
          1 commits 4
          1 writes with the next: term 4 vote 1 commit 4
          1>2 t4 append after 4/4 [] commit 4
          1>3 t4 append after 4/4 [] commit 4
          1 applies 1/1 1
          1 applies 2/2 2
          1 applies 3/2 3
          1 applies 4/4 -
        # With 4/4 on 1, 2 and 3 all before it are committed.
        > deliver
          2<1 append
          2 commits 4
          2 writes with the next: term 4 vote 1 commit 4
          2>1 t4 accepted 4
          2 applies 1/1 1
          2 applies 2/2 2
          2 applies 3/2 3
          2 applies 4/4 -
          3<1 append
          3 commits 4
          3 writes with the next: term 4 vote 1 commit 4
          3>1 t4 accepted 4
          3 applies 1/1 1
          3 applies 2/2 2
          3 applies 3/2 3
          3 applies 4/4 -
          1<2 accepted
          1<3 accepted
        > crash 1
        > heal 4
        > heal 5
        > elect 5
          5 is candidate in t4
          5 writes w1: term 4 vote 5 commit 0
          5 has durably w1
          5>1 t4 vote last 2/3
          5>2 t4 vote last 2/3
          5>3 t4 vote last 2/3
          5>4 t4 vote last 2/3
        > deliver
          5>1 t4 vote last 2/3 (lost)
          2<5 vote
          2>5 t4 vote-answer no
          3<5 vote
          3>5 t4 vote-answer no
          4<5 vote
          4 writes w1: term 4 vote 5 commit 0
          4 has durably w1
          4>5 t4 vote-answer yes
          5<2 vote-answer
          5<3 vote-answer
          5<4 vote-answer
        > elect 5
          5 writes w2: term 5 vote 5 commit 0
          5 has durably w2
          5>1 t5 vote last 2/3
          5>2 t5 vote last 2/3
          5>3 t5 vote last 2/3
          5>4 t5 vote last 2/3
        > deliver
          5>1 t5 vote last 2/3 (lost)
          2<5 vote
          2 is follower in t5
          2 writes w3: term 5 vote - commit 4
          2>5 t5 vote-answer no
          2 has durably w3
          3<5 vote
          3 is follower in t5
          3 writes w4: term 5 vote - commit 4
          3>5 t5 vote-answer no
          3 has durably w4
          4<5 vote
          4 writes w2: term 5 vote 5 commit 0
          4 has durably w2
          4>5 t5 vote-answer yes
          5<2 vote-answer
          5<3 vote-answer
          5<4 vote-answer
        # 5 can't win: of 2, 3, 4 and 5 only 4 and 5 have nothing later than 2/3.
        """)
}
