// SPDX-License-Identifier: Apache-2.0

extension Transcript {
    /// Source: Raft §6; thesis §4.3. The leader makes room for a learner; the next one ends what it began.
    static let jointChange = Transcript(
        "jointChange",
        """
        > plain
        > voters 1 2 3
        > learners 4
        > member 1 1
          1 starts: term 1 vote - commit 0, 0/0 saved, log [1/1]
        > member 2 1
          2 starts: term 1 vote - commit 0, 0/0 saved, log [1/1]
        > member 3 1
          3 starts: term 1 vote - commit 0, 0/0 saved, log [1/1]
        > member 4 1
          4 starts: term 1 vote - commit 0, 0/0 saved, log [1/1]
        > elect 1
          1 is candidate in t2
          1 writes w1: term 2 vote 1 commit 0
          1 has durably w1
          1>2 t2 vote last 1/1
          1>3 t2 vote last 1/1
        > deliver
          2<1 vote
          2 writes w1: term 2 vote 1 commit 0
          2 has durably w1
          2>1 t2 vote-answer yes
          3<1 vote
          3 writes w1: term 2 vote 1 commit 0
          3 has durably w1
          3>1 t2 vote-answer yes
          1<2 vote-answer
          1 is leader in t2, led by 1
          1 writes w2: [2/2 -]
          1>2 t2 append after 1/1 [2/2 -] commit 0
          1>3 t2 append after 1/1 [2/2 -] commit 0
          1>4 t2 append after 1/1 [2/2 -] commit 0
          1 has durably w2
          1<3 vote-answer
          2<1 append
          2 is follower in t2, led by 1
          2 writes w2: [2/2 -]
          2 has durably w2
          2>1 t2 accepted 2
          3<1 append
          3 is follower in t2, led by 1
          3 writes w2: [2/2 -]
          3 has durably w2
          3>1 t2 accepted 2
          4<1 append
          4 is follower in t2, led by 1
          4 writes w1: term 2 vote - commit 0, [2/2 -]
          4 has durably w1
          4>1 t2 accepted 2
          1<2 accepted
          1 commits 2
          1 writes with the next: term 2 vote 1 commit 2
          1>2 t2 append after 2/2 [] commit 2
          1 applies 1/1 1
          1 applies 2/2 -
          1<3 accepted
          1>3 t2 append after 2/2 [] commit 2
          1<4 accepted
          1>4 t2 append after 2/2 [] commit 2
          2<1 append
          2 commits 2
          2 writes with the next: term 2 vote 1 commit 2
          2>1 t2 accepted 2
          2 applies 1/1 1
          2 applies 2/2 -
          3<1 append
          3 commits 2
          3 writes with the next: term 2 vote 1 commit 2
          3>1 t2 accepted 2
          3 applies 1/1 1
          3 applies 2/2 -
          4<1 append
          4 commits 2
          4 writes with the next: term 2 vote - commit 2
          4>1 t2 accepted 2
          4 applies 1/1 1
          4 applies 2/2 -
          1<2 accepted
          1<3 accepted
          1<4 accepted
        > replace 1 1 4
          1 writes w3: [3/2 joint(+4 -1)]
          1>2 t2 append after 2/2 [3/2 joint(+4 -1)] commit 2
          1>3 t2 append after 2/2 [3/2 joint(+4 -1)] commit 2
          1>4 t2 append after 2/2 [3/2 joint(+4 -1)] commit 2
          1 has durably w3
        # 1 and 2 are a majority of the old voters, and enter. Of 2, 3 and 4 there is one: nothing more is committed.
        > cut 3
        > cut 4
        > deliver
          2<1 append
          2 writes w3: [3/2 joint(+4 -1)]
          2 has durably w3
          2>1 t2 accepted 3
          1>3 t2 append after 2/2 [3/2 joint(+4 -1)] commit 2 (lost)
          1>4 t2 append after 2/2 [3/2 joint(+4 -1)] commit 2 (lost)
          1<2 accepted
          1 commits 3
          1 writes w4: term 2 vote 1 commit 3
          1 has durably w4
          1>2 t2 append after 3/2 [] commit 3
          1>3 t2 append after 3/2 [] commit 3 (lost)
          1>4 t2 append after 3/2 [] commit 3 (lost)
          1 applies 3/2 joint(+4 -1)
          1 counts voters 2 3 4 and 1 2 3
          1 writes w5: [4/2 leave]
          1>2 t2 append after 3/2 [4/2 leave] commit 3
          1>3 t2 append after 3/2 [4/2 leave] commit 3 (lost)
          1>4 t2 append after 3/2 [4/2 leave] commit 3 (lost)
          1 has durably w5
          2<1 append
          2 commits 3
          2 writes w4: term 2 vote 1 commit 3
          2 has durably w4
          2>1 t2 accepted 3
          2 applies 3/2 joint(+4 -1)
          2 counts voters 2 3 4 and 1 2 3
          2<1 append
          2 writes w5: [4/2 leave]
          2 has durably w5
          2>1 t2 accepted 4
          1<2 accepted
          1<2 accepted
        # Who stands asks the voters of both halves. 2 and 3 are a majority of each.
        > cut 1
        > heal 3
        > heal 4
        > elect 2
          2 is candidate in t3
          2 writes w6: term 3 vote 2 commit 3
          2>1 t2 committed-question (lost)
          2>3 t2 committed-question
          2>4 t2 committed-question
          2 has durably w6
          2>1 t3 vote last 4/2 (lost)
          2>3 t3 vote last 4/2
          2>4 t3 vote last 4/2
        > deliver
          3<2 committed-question
          3>2 t2 committed 2/2
          4<2 committed-question
          4>2 t2 committed 2/2
          3<2 vote
          3 is follower in t3
          3 writes w3: term 3 vote 2 commit 2
          3 has durably w3
          3>2 t3 vote-answer yes
          4<2 vote
          4 is follower in t3
          4 writes w2: term 3 vote 2 commit 2
          4 has durably w2
          4>2 t3 vote-answer yes
          2<3 committed
          2<4 committed
          2<3 vote-answer
          2 is leader in t3, led by 2
          2 writes w7: [5/3 -]
          2>1 t3 append after 4/2 [5/3 -] commit 3 (lost)
          2>3 t3 append after 4/2 [5/3 -] commit 3
          2>4 t3 append after 4/2 [5/3 -] commit 3
          2 has durably w7
          2<4 vote-answer
          3<2 append
          3 is follower in t3, led by 2
          3>2 t3 rejected 4 hint 2/2
          4<2 append
          4 is follower in t3, led by 2
          4>2 t3 rejected 4 hint 2/2
          2<3 rejected
          2>3 t3 append after 2/2 [3/2 joint(+4 -1), 4/2 leave, 5/3 -] commit 3
          2<4 rejected
          2>4 t3 append after 2/2 [3/2 joint(+4 -1), 4/2 leave, 5/3 -] commit 3
          3<2 append
          3 commits 3
          3 writes w4: term 3 vote 2 commit 3, [3/2 joint(+4 -1), 4/2 leave, 5/3 -]
          3 has durably w4
          3>2 t3 accepted 5
          3 applies 3/2 joint(+4 -1)
          3 counts voters 2 3 4 and 1 2 3
          4<2 append
          4 commits 3
          4 writes w3: term 3 vote 2 commit 3, [3/2 joint(+4 -1), 4/2 leave, 5/3 -]
          4 has durably w3
          4>2 t3 accepted 5
          4 applies 3/2 joint(+4 -1)
          4 counts voters 2 3 4 and 1 2 3
          2<3 accepted
          2 commits 5
          2 writes w8: term 3 vote 2 commit 5
          2 has durably w8
          2>3 t3 append after 5/3 [] commit 5
          2 applies 4/2 leave
          2 counts voters 2 3 4
          2 applies 5/3 -
          2<4 accepted
          2>4 t3 append after 5/3 [] commit 5
          3<2 append
          3 commits 5
          3 writes w5: term 3 vote 2 commit 5
          3 has durably w5
          3>2 t3 accepted 5
          3 applies 4/2 leave
          3 counts voters 2 3 4
          3 applies 5/3 -
          4<2 append
          4 commits 5
          4 writes w4: term 3 vote 2 commit 5
          4 has durably w4
          4>2 t3 accepted 5
          4 applies 4/2 leave
          4 counts voters 2 3 4
          4 applies 5/3 -
          2<3 accepted
          2<4 accepted
        # The old leader hears that it is none.
        > heal 1
        > tick 1
          1>2 t2 heartbeat commit 3 round 0
          1>3 t2 heartbeat commit 2 round 0
          1>4 t2 heartbeat commit 2 round 0
        > deliver
          2<1 heartbeat
          2>1 t3 stale-term
          3<1 heartbeat
          3>1 t3 stale-term
          4<1 heartbeat
          4>1 t3 stale-term
          1<2 stale-term
          1 is follower in t3
          1 writes w6: term 3 vote - commit 3
          1 has durably w6
          1<3 stale-term
          1<4 stale-term
        """)
}
