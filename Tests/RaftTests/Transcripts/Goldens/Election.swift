// SPDX-License-Identifier: Apache-2.0

extension Transcript {
    /// Source: Raft §5.2, thesis §9.6.
    static let election = Transcript(
        "election",
        """
        > voters 1 2 3
        > member 1
          1 starts: term 0 vote - commit 0, 0/0 saved, log []
        > member 2
          2 starts: term 0 vote - commit 0, 0/0 saved, log []
        > member 3
          3 starts: term 0 vote - commit 0, 0/0 saved, log []
        # Nobody's term moves by the question whether an election could be won, and nobody writes.
        > elect 1
          1 is pre-candidate in t0
          1>2 t1 pre-vote last 0/0
          1>3 t1 pre-vote last 0/0
        > deliver 1 2
          2<1 pre-vote
          2>1 t1 pre-vote-answer yes
        > deliver 2 1
          1<2 pre-vote-answer
          1 is candidate in t1
          1 writes w1: term 1 vote 1 commit 0
          1 has durably w1
          1>2 t1 vote last 0/0
          1>3 t1 vote last 0/0
        # One grant is a majority of three with its own. The votes leave when term and own vote are durable.
        > deliver
          3<1 pre-vote
          3>1 t1 pre-vote-answer yes
          2<1 vote
          2 writes w1: term 1 vote 1 commit 0
          2 has durably w1
          2>1 t1 vote-answer yes
          3<1 vote
          3 writes w1: term 1 vote 1 commit 0
          3 has durably w1
          3>1 t1 vote-answer yes
          1<3 pre-vote-answer
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
        # Elected: the opening entry is committed, applied and told.
        """)
}
