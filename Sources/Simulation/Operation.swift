// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletReplica

/// One request of a client and its fate.
struct Operation {
    enum Request: Hashable {
        case write(WriteRequest)
        case range(RangeRequest, isSerializable: Bool)
        case readTxn(TxnRequest)
        case keepAlive(LeaseID)
        case leaseStatus(LeaseID)
        case leases
    }

    enum Answer: Hashable {
        case write(Result<WriteResponse, KeyValueError>)
        case range(Result<RangeResponse, KeyValueError>)
        case readTxn(Result<TxnResponse, KeyValueError>)
        case keepAlive(ttlSeconds: Int64?)
        case leaseStatus(LeaseStatus?)
        case leases([LeaseID])
        /// Nothing was done, and nothing will be.
        case refused(ReplicaError?)
        /// The member has gone: nobody knows.
        case unknown
    }

    let client: Int
    let request: Request
    /// As they come over the wire, with the operation's number in a field that means nothing.
    var bytes: [UInt8] = []
    /// Entries of the log that had shown in an answer when this was asked.
    let seenEntries: Int
    /// When the client asked, and when it learnt what became of it.
    var began = 0
    var ended: Int?
    /// When it came to the member: no renewal counts from earlier.
    var arrived = 0
    /// Who has it and owes an answer.
    var holder: Life?
    /// How often it was passed on.
    var hops = 0
    var answer: Answer?

    /// No message of etcd's has it.
    static let numberField: UInt64 = 2047

    init(_ request: Request, number: Int, client: Int, seenEntries: Int) {
        (self.request, self.client, self.seenEntries) = (request, client, seenEntries)
        guard case .write(let write) = request else { return }
        bytes = Write(write).bytes
        Varint.append(Self.numberField << 3, to: &bytes)
        Varint.append(UInt64(number), to: &bytes)
    }
}
