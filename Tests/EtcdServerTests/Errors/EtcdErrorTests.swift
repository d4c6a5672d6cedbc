// SPDX-License-Identifier: Apache-2.0

import MartletEtcdServer
import MartletGRPCWire
import MartletKeyValue
import MartletRaft
import MartletReplica
import Testing

@Suite struct EtcdErrorTests {
    /// The wire's table: code, then the text behind "etcdserver: ". Clients compare these to the byte.
    static let wire: [(EtcdError, Int, String)] = [
        (.emptyKey, 3, "key is not provided"),
        (.keyNotFound, 3, "key not found"),
        (.valueProvided, 3, "value is provided"),
        (.leaseProvided, 3, "lease is provided"),
        (.tooManyOperations, 3, "too many operations in txn request"),
        (.duplicateKey, 3, "duplicate key given in txn request"),
        (.invalidSortOption, 3, "invalid sort option"),
        (.invalidClientAPIVersion, 3, "invalid client api version"),
        (.compacted, 11, "mvcc: required revision has been compacted"),
        (.futureRevision, 11, "mvcc: required revision is a future revision"),
        (.noSpace, 8, "mvcc: database space exceeded"),
        (.requestTooLarge, 3, "request is too large"),
        (.tooManyRequests, 2, "too many requests"),
        (.leaseNotFound, 5, "requested lease not found"),
        (.leaseExists, 9, "lease already exists"),
        (.leaseTTLTooLarge, 11, "too large lease TTL"),
        (.watchCanceled, 1, "watch canceled"),
        (.memberExists, 9, "member ID already exist"),
        (.peerURLExists, 9, "Peer URLs already exists"),
        (.memberNotLearner, 9, "can only promote a learner member"),
        (.learnerNotReady, 9, "can only promote a learner member which is in sync with leader"),
        (.tooManyLearners, 9, "too many learner members in cluster"),
        (.clusterIDMismatch, 9, "cluster ID mismatch"),
        (.memberNotEnoughStarted, 2, "re-configuration failed due to not enough started members"),
        (.badMemberURLs, 3, "given member URLs are invalid"),
        (.memberNotFound, 5, "member not found"),
        (.rootUserNotExist, 9, "root user does not exist"),
        (.rootRoleNotExist, 9, "root user does not have root role"),
        (.userAlreadyExists, 9, "user name already exists"),
        (.userNotFound, 9, "user name not found"),
        (.roleAlreadyExists, 9, "role name already exists"),
        (.roleNotFound, 9, "role name not found"),
        (.roleNotGranted, 9, "role is not granted to the user"),
        (.permissionNotGranted, 9, "permission is not granted to the role"),
        (.authNotEnabled, 9, "authentication is not enabled"),
        (.userEmpty, 3, "user name is empty"),
        (.roleEmpty, 3, "role name is empty"),
        (.authFailed, 3, "authentication failed, invalid user ID or password"),
        (.permissionNotGiven, 3, "permission not given"),
        (.invalidAuthManagement, 3, "invalid auth management"),
        (.authOldRevision, 3, "revision of auth store is old"),
        (.permissionDenied, 7, "permission denied"),
        (.invalidAuthToken, 16, "invalid auth token"),
        (.noLeader, 14, "no leader"),
        (.leaderChanged, 14, "leader changed"),
        (.stopped, 14, "server stopped"),
        (.timeout, 14, "request timed out"),
        (.timeoutLeaderFailure, 14, "request timed out, possibly due to previous leader failure"),
        (.timeoutConnectionLost, 14, "request timed out, possibly due to connection lost"),
        (.timeoutWaitingForApply, 14, "request timed out, waiting for the applied index took too long"),
        (.unhealthy, 14, "unhealthy cluster"),
        (.notLeader, 9, "not leader"),
        (.notCapable, 9, "not capable"),
        (.notSupportedForLearner, 9, "rpc not supported for learner"),
        (.badLeaderTransferee, 9, "bad leader transferee"),
        (.corrupt, 15, "corrupt cluster"),
        (.wrongDowngradeVersionFormat, 3, "wrong downgrade target version format"),
        (.invalidDowngradeTargetVersion, 3, "invalid downgrade target version"),
        (.clusterVersionNotFound, 9, "cluster version not found during downgrade"),
        (.downgradeInProgress, 9, "cluster has a downgrade job in progress"),
        (.noInflightDowngrade, 9, "no inflight downgrade job"),
    ]

    @Test func tableNamesEveryCase() {
        #expect(Self.wire.map(\.0) == EtcdError.allCases)
    }

    /// Renewals that reach a member which no longer leads are asked again by clients, whom "not leader" would end: they
    /// go on at UNAVAILABLE alone. Changes of members are told the same, and left to whoever asked for them.
    @Test func whoeverCameToAnotherLeaderAsksAgain() {
        let status = ReplicaError.notLeader(MemberID(1)).status
        #expect(status.code == .unavailable && status.message == "etcdserver: leader changed")
    }

    @Test(arguments: wire)
    func codeAndText(error: EtcdError, code: Int, text: String) {
        #expect(error.status.code.rawValue == code)
        #expect(error.status.message == "etcdserver: " + text)
    }

    @Test(arguments: KeyValueError.allCases)
    func storesErrorsKeepTheirMeaning(error: KeyValueError) {
        let expected: EtcdError =
            switch error {
            case .keyNotProvided: .emptyKey
            case .keyNotFound: .keyNotFound
            case .valueProvided: .valueProvided
            case .leaseProvided: .leaseProvided
            case .tooManyOperations: .tooManyOperations
            case .duplicateKey: .duplicateKey
            case .invalidSortOption: .invalidSortOption
            case .compacted: .compacted
            case .futureRevision: .futureRevision
            case .databaseSpaceExceeded: .noSpace
            case .requestTooLarge: .requestTooLarge
            case .tooManyRequests: .tooManyRequests
            case .leaseNotFound: .leaseNotFound
            case .leaseExists: .leaseExists
            case .leaseTTLTooLarge: .leaseTTLTooLarge
            case .duplicateWatchID, .emptyWatchRange, .watchStreamClosed: .watchCanceled
            }
        #expect(EtcdError(error) == expected)
    }

    /// What etcd doesn't have: members are replaced in Martlet's clusters alone.
    @Test(arguments: [
        (MembershipError.notVoter, "can only replace a voting member"), (.changeUnderway, "a member is being replaced"),
    ])
    func reasonsOfRefusedReplacements(error: MembershipError, text: String) {
        #expect(error.status.code == .failedPrecondition && error.status.message == "martlet: " + text)
    }

    @Test func reasonsOfRefusedWatches() {
        #expect(
            WatchRefusal.reason(for: .duplicateWatchID)
                == "mvcc: duplicate watch ID provided on the WatchStream")
        #expect(WatchRefusal.reason(for: .emptyWatchRange) == "mvcc: watcher range is empty")
        #expect(
            WatchRefusal.reason(for: .tooManyRequests) == "etcdserver: too many requests")
        #expect(
            WatchRefusal.reason(for: .compacted) == "etcdserver: mvcc: required revision has been compacted")
    }
}
