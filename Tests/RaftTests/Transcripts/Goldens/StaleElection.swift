// SPDX-License-Identifier: Apache-2.0

extension Transcript {
    /// Source: Raft §5.4.1, thesis §9.6: whose log misses something is refused, and disturbs nobody.
    static let staleElection = Transcript(
        "staleElection",
        """
        > voters 1 2 3
        > member 1 1 2
          1 starts: term 2 vote - commit 0, 0/0 saved, log [1/1, 2/2]
        > member 2 1 2
          2 starts: term 2 vote - commit 0, 0/0 saved, log [1/1, 2/2]
        > member 3 1 1 1
          3 starts: term 1 vote - commit 0, 0/0 saved, log [1/1, 2/1, 3/1]
        # Longer, but its last term is earlier than the others'.
        > elect 3
          3 is pre-candidate in t1
          3>1 t2 pre-vote last 3/1
          3>2 t2 pre-vote last 3/1
        > deliver
          1<3 pre-vote
          1>3 t2 pre-vote-answer no
          2<3 pre-vote
          2>3 t2 pre-vote-answer no
          3<1 pre-vote-answer
          3 is follower in t2
          3 writes w1: term 2 vote - commit 0
          3 has durably w1
          3<2 pre-vote-answer
        > elect 3
          3 is pre-candidate in t2
          3>1 t3 pre-vote last 3/1
          3>2 t3 pre-vote last 3/1
        > deliver
          1<3 pre-vote
          1>3 t2 pre-vote-answer no
          2<3 pre-vote
          2>3 t2 pre-vote-answer no
          3<1 pre-vote-answer
          3<2 pre-vote-answer
          3 is follower in t2
        # As far as any.
        > elect 1
          1 is pre-candidate in t2
          1>2 t3 pre-vote last 2/2
          1>3 t3 pre-vote last 2/2
        > deliver
          2<1 pre-vote
          2>1 t3 pre-vote-answer yes
          3<1 pre-vote
          3>1 t3 pre-vote-answer yes
          1<2 pre-vote-answer
          1 is candidate in t3
          1 writes w1: term 3 vote 1 commit 0
          1 has durably w1
          1>2 t3 vote last 2/2
          1>3 t3 vote last 2/2
          1<3 pre-vote-answer
          2<1 vote
          2 writes w1: term 3 vote 1 commit 0
          2 has durably w1
          2>1 t3 vote-answer yes
          3<1 vote
          3 writes w2: term 3 vote 1 commit 0
          3 has durably w2
          3>1 t3 vote-answer yes
          1<2 vote-answer
          1 is leader in t3, led by 1
          1 writes w2: [3/3 -]
          1>2 t3 append after 2/2 [3/3 -] commit 0
          1>3 t3 append after 2/2 [3/3 -] commit 0
          1 has durably w2
          1<3 vote-answer
          2<1 append
          2 is follower in t3, led by 1
          2 writes w2: [3/3 -]
          2 has durably w2
          2>1 t3 accepted 3
          3<1 append
          3 is follower in t3, led by 1
          3>1 t3 rejected 2 hint 2/1
          1<2 accepted
          1 commits 3
          1 writes with the next: term 3 vote 1 commit 3
          1>2 t3 append after 3/3 [] commit 3
          1 applies 1/1 1
          1 applies 2/2 2
          1 applies 3/3 -
          1<3 rejected
          1>3 t3 append after 1/1 [2/2 2, 3/3 -] commit 3
          2<1 append
          2 commits 3
          2 writes with the next: term 3 vote 1 commit 3
          2>1 t3 accepted 3
          2 applies 1/1 1
          2 applies 2/2 2
          2 applies 3/3 -
          3<1 append
          3 commits 3
          3 writes w3: term 3 vote 1 commit 3, [2/2 2, 3/3 -]
          3 applies 1/1 1
          3 applies 2/2 2
          3 applies 3/3 -
          3 has durably w3
          3>1 t3 accepted 3
          1<2 accepted
          1<3 accepted
        """)
}
