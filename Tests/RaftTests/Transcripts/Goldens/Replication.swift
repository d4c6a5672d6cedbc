// SPDX-License-Identifier: Apache-2.0

extension Transcript {
    /// Source: Raft §5.3: a follower that was away has entries of its own that were never committed.
    static let replication = Transcript(
        "replication",
        """
        > voters 1 2 3
        > member 1 1 2 2
          1 starts: term 2 vote - commit 0, 0/0 saved, log [1/1, 2/2, 3/2]
        > member 2 1 2
          2 starts: term 2 vote - commit 0, 0/0 saved, log [1/1, 2/2]
        > member 3 1 1 1 1
          3 starts: term 1 vote - commit 0, 0/0 saved, log [1/1, 2/1, 3/1, 4/1]
        > cut 3
        > elect 1
          1 is pre-candidate in t2
          1>2 t3 pre-vote last 3/2
          1>3 t3 pre-vote last 3/2 (lost)
        > deliver
          2<1 pre-vote
          2>1 t3 pre-vote-answer yes
          1<2 pre-vote-answer
          1 is candidate in t3
          1 writes w1: term 3 vote 1 commit 0
          1 has durably w1
          1>2 t3 vote last 3/2
          1>3 t3 vote last 3/2 (lost)
          2<1 vote
          2 writes w1: term 3 vote 1 commit 0
          2 has durably w1
          2>1 t3 vote-answer yes
          1<2 vote-answer
          1 is leader in t3, led by 1
          1 writes w2: [4/3 -]
          1>2 t3 append after 3/2 [4/3 -] commit 0
          1>3 t3 append after 3/2 [4/3 -] commit 0 (lost)
          1 has durably w2
          2<1 append
          2 is follower in t3, led by 1
          2>1 t3 rejected 3 hint 2/2
          1<2 rejected
          1>2 t3 append after 2/2 [3/2 3, 4/3 -] commit 0
          2<1 append
          2 writes w2: [3/2 3, 4/3 -]
          2 has durably w2
          2>1 t3 accepted 4
          1<2 accepted
          1 commits 4
          1 writes with the next: term 3 vote 1 commit 4
          1>2 t3 append after 4/3 [] commit 4
          1 applies 1/1 1
          1 applies 2/2 2
          1 applies 3/2 3
          1 applies 4/3 -
          2<1 append
          2 commits 4
          2 writes with the next: term 3 vote 1 commit 4
          2>1 t3 accepted 4
          2 applies 1/1 1
          2 applies 2/2 2
          2 applies 3/2 3
          2 applies 4/3 -
          1<2 accepted
        > propose 1 a b
          1 writes w3: [5/3 a, 6/3 b]
          1>2 t3 append after 4/3 [5/3 a, 6/3 b] commit 4
          1 has durably w3
        > deliver
          2<1 append
          2 writes w3: [5/3 a, 6/3 b]
          2 has durably w3
          2>1 t3 accepted 6
          1<2 accepted
          1 commits 6
          1 writes with the next: term 3 vote 1 commit 6
          1>2 t3 append after 6/3 [] commit 6
          1 applies 5/3 a
          1 applies 6/3 b
          2<1 append
          2 commits 6
          2 writes with the next: term 3 vote 1 commit 6
          2>1 t3 accepted 6
          2 applies 5/3 a
          2 applies 6/3 b
          1<2 accepted
        # It comes back, conflicts from index 2 on, and is brought in line: its own 2/1 to 4/1 are replaced.
        > heal 3
        > tick 1
          1>2 t3 heartbeat commit 6 round 0
          1>3 t3 heartbeat commit 0 round 0
        > deliver
          2<1 heartbeat
          2>1 t3 heartbeat-answer round 0
          3<1 heartbeat
          3 is follower in t3, led by 1
          3 writes w1: term 3 vote - commit 0
          3>1 t3 heartbeat-answer round 0
          3 has durably w1
          1<2 heartbeat-answer
          1<3 heartbeat-answer
          1>3 t3 append after 3/2 [4/3 -, 5/3 a, 6/3 b] commit 6
          3<1 append
          3>1 t3 rejected 3 hint 3/1
          1<3 rejected
          1>3 t3 append after 1/1 [2/2 2, 3/2 3, 4/3 -, 5/3 a, 6/3 b] commit 6
          3<1 append
          3 commits 6
          3 writes w2: term 3 vote - commit 6, [2/2 2, 3/2 3, 4/3 -, 5/3 a, 6/3 b]
          3 applies 1/1 1
          3 applies 2/2 2
          3 applies 3/2 3
          3 applies 4/3 -
          3 applies 5/3 a
          3 applies 6/3 b
          3 has durably w2
          3>1 t3 accepted 6
          1<3 accepted
        # A slow one: what it misses is sent again.
        > propose 1 c
          1 writes w4: [7/3 c]
          1>2 t3 append after 6/3 [7/3 c] commit 6
          1>3 t3 append after 6/3 [7/3 c] commit 6
          1 has durably w4
        > drop 1 3
          1>3 t3 append after 6/3 [7/3 c] commit 6 (lost)
        > deliver
          2<1 append
          2 writes w4: [7/3 c]
          2 has durably w4
          2>1 t3 accepted 7
          1<2 accepted
          1 commits 7
          1 writes with the next: term 3 vote 1 commit 7
          1>2 t3 append after 7/3 [] commit 7
          1>3 t3 append after 7/3 [] commit 7
          1 applies 7/3 c
          2<1 append
          2 commits 7
          2 writes with the next: term 3 vote 1 commit 7
          2>1 t3 accepted 7
          2 applies 7/3 c
          3<1 append
          3>1 t3 rejected 7 hint 6/3
          1<2 accepted
          1<3 rejected
          1>3 t3 append after 6/3 [7/3 c] commit 7
          3<1 append
          3 commits 7
          3 writes w3: term 3 vote - commit 7, [7/3 c]
          3 applies 7/3 c
          3 has durably w3
          3>1 t3 accepted 7
          1<3 accepted
        # What comes twice is only acknowledged twice.
        > propose 1 d
          1 writes w5: [8/3 d]
          1>2 t3 append after 7/3 [8/3 d] commit 7
          1>3 t3 append after 7/3 [8/3 d] commit 7
          1 has durably w5
        > double 1 3
        > deliver
          2<1 append
          2 writes w5: [8/3 d]
          2 has durably w5
          2>1 t3 accepted 8
          3<1 append
          3 writes w4: [8/3 d]
          3 has durably w4
          3>1 t3 accepted 8
          3<1 append
          3>1 t3 accepted 8
          1<2 accepted
          1 commits 8
          1 writes with the next: term 3 vote 1 commit 8
          1>2 t3 append after 8/3 [] commit 8
          1>3 t3 append after 8/3 [] commit 8
          1 applies 8/3 d
          1<3 accepted
          1<3 accepted
          2<1 append
          2 commits 8
          2 writes with the next: term 3 vote 1 commit 8
          2>1 t3 accepted 8
          2 applies 8/3 d
          3<1 append
          3 commits 8
          3 writes with the next: term 3 vote - commit 8
          3>1 t3 accepted 8
          3 applies 8/3 d
          1<2 accepted
          1<3 accepted
        """)
}
