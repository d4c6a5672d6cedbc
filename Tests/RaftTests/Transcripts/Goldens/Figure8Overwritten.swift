// SPDX-License-Identifier: Apache-2.0

extension Transcript {
    /// Source: Raft figure 8 (a)-(d): an entry on a majority may still be overwritten.
    static let figure8Overwritten = Transcript(
        "figure8Overwritten",
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
        > drop 1 3
          1>3 t4 append after 2/2 [3/2 3, 4/4 -] commit 0 (lost)
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
          2 writes w3: term 5 vote - commit 0
          2>5 t5 vote-answer no
          2 has durably w3
          3<5 vote
          3 is follower in t5
          3 writes w3: term 5 vote 5 commit 0
          3 has durably w3
          3>5 t5 vote-answer yes
          4<5 vote
          4 writes w2: term 5 vote 5 commit 0
          4 has durably w2
          4>5 t5 vote-answer yes
          5<2 vote-answer
          5<3 vote-answer
          5<4 vote-answer
          5 is leader in t5, led by 5
          5 writes w3: [3/5 -]
          5>1 t5 append after 2/3 [3/5 -] commit 0
          5>2 t5 append after 2/3 [3/5 -] commit 0
          5>3 t5 append after 2/3 [3/5 -] commit 0
          5>4 t5 append after 2/3 [3/5 -] commit 0
          5 has durably w3
          5>1 t5 append after 2/3 [3/5 -] commit 0 (lost)
          2<5 append
          2 is follower in t5, led by 5
          2>5 t5 rejected 2 hint 2/2
          3<5 append
          3 is follower in t5, led by 5
          3>5 t5 rejected 2 hint 2/2
          4<5 append
          4 is follower in t5, led by 5
          4>5 t5 rejected 2 hint 1/1
          5<2 rejected
          5>2 t5 append after 1/1 [2/3 2, 3/5 -] commit 0
          5<3 rejected
          5>3 t5 append after 1/1 [2/3 2, 3/5 -] commit 0
          5<4 rejected
          5>4 t5 append after 1/1 [2/3 2, 3/5 -] commit 0
          2<5 append
          2 writes w4: [2/3 2, 3/5 -]
          2 has durably w4
          2>5 t5 accepted 3
          3<5 append
          3 writes w4: [2/3 2, 3/5 -]
          3 has durably w4
          3>5 t5 accepted 3
          4<5 append
          4 writes w3: [2/3 2, 3/5 -]
          4 has durably w3
          4>5 t5 accepted 3
          5<2 accepted
          5<3 accepted
          5 commits 3
          5 writes with the next: term 5 vote 5 commit 3
          5>2 t5 append after 3/5 [] commit 3
          5>3 t5 append after 3/5 [] commit 3
          5 applies 1/1 1
          5 applies 2/3 2
          5 applies 3/5 -
          5<4 accepted
          5>4 t5 append after 3/5 [] commit 3
          2<5 append
          2 commits 3
          2 writes with the next: term 5 vote - commit 3
          2>5 t5 accepted 3
          2 applies 1/1 1
          2 applies 2/3 2
          2 applies 3/5 -
          3<5 append
          3 commits 3
          3 writes with the next: term 5 vote 5 commit 3
          3>5 t5 accepted 3
          3 applies 1/1 1
          3 applies 2/3 2
          3 applies 3/5 -
          4<5 append
          4 commits 3
          4 writes with the next: term 5 vote 5 commit 3
          4>5 t5 accepted 3
          4 applies 1/1 1
          4 applies 2/3 2
          4 applies 3/5 -
          5<2 accepted
          5<3 accepted
          5<4 accepted
        # (d): 2/2 is only on 1 any more, and goes from there as well.
        > restart 1
          1 starts: term 4 vote 1 commit 0, 0/0 saved, log [1/1, 2/2, 3/2, 4/4]
        > tick 5
          5>1 t5 heartbeat commit 0 round 0
          5>2 t5 heartbeat commit 3 round 0
          5>3 t5 heartbeat commit 3 round 0
          5>4 t5 heartbeat commit 3 round 0
        > deliver
          1<5 heartbeat
          1 is follower in t5, led by 5
          1 writes w1: term 5 vote - commit 0
          1>5 t5 heartbeat-answer round 0
          1 has durably w1
          2<5 heartbeat
          2>5 t5 heartbeat-answer round 0
          3<5 heartbeat
          3>5 t5 heartbeat-answer round 0
          4<5 heartbeat
          4>5 t5 heartbeat-answer round 0
          5<1 heartbeat-answer
          5>1 t5 append after 2/3 [3/5 -] commit 3
          5<2 heartbeat-answer
          5<3 heartbeat-answer
          5<4 heartbeat-answer
          1<5 append
          1>5 t5 rejected 2 hint 2/2
          5<1 rejected
          5>1 t5 append after 1/1 [2/3 2, 3/5 -] commit 3
          1<5 append
          1 commits 3
          1 writes w2: term 5 vote - commit 3, [2/3 2, 3/5 -]
          1 applies 1/1 1
          1 applies 2/3 2
          1 applies 3/5 -
          1 has durably w2
          1>5 t5 accepted 3
          5<1 accepted
        """)
}
