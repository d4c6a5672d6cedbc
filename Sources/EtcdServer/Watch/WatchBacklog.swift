// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// What a watch stream has to send and its client has no room for, oldest first.
///
/// Events are kept in the encoding that all their watchers share, so that one waiting response costs about a hundred
/// bytes, however large its event. Answers have a place here at any time: a cancellation is never lost.
struct WatchBacklog {
    enum Response {
        /// Created, cancelled, progress: encoded.
        case answer([UInt8])
        case events(watch: WatchID, revision: Int64, isFragmenting: Bool, fields: [[UInt8]])
    }

    private var responses: [Response] = []
    /// Responses in front that were taken.
    private var taken = 0
    /// Answers among those that wait.
    private(set) var answerCount = 0
    /// Of cancelled watches, up to which offset their events are void.
    private var voidBefore: [WatchID: Int] = [:]

    var isEmpty: Bool { taken == responses.count }

    /// Those of cancelled watches counted with the others. Complexity: O(responses that wait).
    var eventCount: Int {
        responses[taken...].reduce(0) { count, response in
            guard case .events(_, _, _, let fields) = response else { return count }
            return count + fields.count
        }
    }

    mutating func append(_ response: Response) {
        if case .answer = response { answerCount += 1 }
        responses.append(response)
    }

    /// Drops the events of a watch that its client has cancelled.
    mutating func drop(_ watch: WatchID) {
        if !isEmpty { voidBefore[watch] = responses.count }
    }

    /// Complexity: O(1), amortized.
    mutating func popFirst() -> Response? {
        while !isEmpty {
            let offset = taken
            let response = responses[offset]
            responses[offset] = .answer([])
            taken += 1
            if isEmpty {
                defer { self = WatchBacklog() }
                return isVoid(response, offset) ? nil : response
            }
            let isVoid = isVoid(response, offset)
            forgetTaken()
            if isVoid { continue }
            if case .answer = response { answerCount -= 1 }
            return response
        }
        return nil
    }

    /// Most places of taken responses that are kept: a client that never catches up must not make them pile up.
    private static let keptPlaces = 1_024

    private mutating func forgetTaken() {
        guard taken >= Self.keptPlaces, taken > responses.count / 2 else { return }
        responses.removeFirst(taken)
        let gone = taken
        voidBefore = voidBefore.compactMapValues { $0 > gone ? $0 - gone : nil }
        taken = 0
    }

    private func isVoid(_ response: Response, _ offset: Int) -> Bool {
        guard case .events(let watch, _, _, _) = response, let end = voidBefore[watch] else { return false }
        return offset < end
    }
}
