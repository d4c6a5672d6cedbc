// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletGRPCWire
import MartletKeyValue
import MartletReplica

/// One key's way through a ``KeyQueue``, from joining until it is first.
final class Contender {
    /// What a contender holds once it is first.
    struct Place {
        var key: [UInt8]
        var createRevision: Int64
        var lease: LeaseID
    }

    private enum State {
        case joining
        case waiting(Place, KeyWatch?)
        case ended
    }

    private let store: MemberStore
    private let call: any EtcdCall
    private let queue: KeyQueue
    private let value: [UInt8]
    private let completion: (Result<Place, GRPCStatus>) -> Void
    private var state = State.joining

    /// - Parameters:
    ///   - call: in whose maker's name everything is done.
    ///   - lease: the key ends with it; `none` for one of the server's own.
    ///   - completion: called once, when the key is first or can't become it.
    init(
        store: MemberStore,
        call: any EtcdCall,
        queue: KeyQueue,
        lease: LeaseID,
        value: [UInt8],
        completion: @escaping (Result<Place, GRPCStatus>) -> Void
    ) {
        self.store = store
        self.call = call
        self.queue = queue
        self.value = value
        self.completion = completion
        if lease == .none {
            openSession()
        } else {
            join(lease)
        }
    }

    /// Gets a lease of the server's own.
    private func openSession() {
        let session = WriteRequest.leaseGrant(store.leaseID(requested: 0), ttlSeconds: Self.sessionTTLSeconds)
        propose(session) { result in
            switch result {
            case .success(.leaseGrant(let lease, _)): self.join(lease)
            case .success: preconditionFailure("a grant was answered by \(result)")
            case .failure(let error): self.end(.failure(error.statusBehindClient))
            }
        }
    }

    /// Leaves the queue, unless the place is taken already. `completion` isn't called then.
    func abandon() {
        switch state {
        case .ended: break
        case .joining: state = .ended
        case .waiting(let place, let watch):
            watch?.cancel()
            state = .ended
            leave(place)
        }
    }

    /// Creates the key, or takes the place it has already: then with the new value.
    private func join(_ lease: LeaseID) {
        guard case .joining = state else { return }
        let key = queue.key(of: lease)
        // All that is done from here on, at once: taking the place, and looking at who stands before it.
        let put = PutRequest(key: key, value: value, lease: lease)
        do throws(AuthError) {
            try store.authorize(TxnRequest(success: [.put(put), .range(RangeRequest(key: key))]), call)
            try store.authorize(queue.reading, call)
        } catch {
            return end(.failure(error.statusBehindClient))
        }
        if let present = store.keyValue.get(key) {
            let place = Place(key: key, createRevision: present.createRevision, lease: lease)
            guard present.value != value else { return wait(place) }
            return write(place) { _ in place }
        }
        write(Place(key: key, createRevision: 0, lease: lease)) { revision in
            Place(key: key, createRevision: revision, lease: lease)
        }
    }

    private func write(_ place: Place, then next: @escaping (_ revision: Int64) -> Place) {
        let put = PutRequest(key: place.key, value: value, lease: place.lease)
        propose(.put(put)) { result in
            switch result {
            case .success(.put(let response)):
                let place = next(response.revision)
                // Abandoned on the way.
                guard case .joining = self.state else { return self.leave(place) }
                self.wait(place)
            case .success: preconditionFailure("a put was answered by \(result)")
            case .failure(let error): self.end(.failure(error.statusBehindClient))
            }
        }
    }

    private func leave(_ place: Place) {
        propose(.deleteRange(DeleteRangeRequest(key: place.key))) { _ in }
    }

    private func propose(
        _ request: WriteRequest, then handler: @escaping (Result<WriteResponse, ReplicaError>) -> Void
    ) {
        do throws(AuthError) {
            store.propose(Write(request, identity: try store.identity(of: call.credentials)), reply: .handler(handler))
        } catch {
            handler(.failure(.unauthorized(error)))
        }
    }

    private func wait(_ place: Place) {
        do throws(KeyValueError) {
            guard store.keyValue.get(place.key)?.createRevision == place.createRevision else {
                return end(.failure(GRPCStatus(.unknown, "mutex: session is expired")))
            }
            guard let previous = try queue.predecessor(of: place.createRevision, in: store.keyValue) else {
                return end(.success(place))
            }
            var request = WatchRequest(key: previous.key)
            request.skipsPuts = true
            let watch = try KeyWatch(request, of: store) { news in
                self.heard(news, place)
            }
            state = .waiting(place, watch)
        } catch {
            end(.failure(EtcdError(error).statusBehindClient))
        }
    }

    private func heard(_ news: KeyWatch.News, _ place: Place) {
        guard case .waiting(_, let watch) = state else { return }
        watch?.cancel()
        state = .waiting(place, nil)
        switch news {
        case .events, .lostHistory: wait(place)
        case .stopped(let status): end(.failure(status))
        }
    }

    private func end(_ result: Result<Place, GRPCStatus>) {
        if case .ended = state { return }
        state = .ended
        completion(result)
    }

    /// How long a place without a lease of the client's own lasts, as etcd's sessions.
    private static let sessionTTLSeconds: Int64 = 60
}
