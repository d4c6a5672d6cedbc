// SPDX-License-Identifier: Apache-2.0

internal import Martlet
internal import MartletRedisClient

/// How a message is written into an entry: a field a header, in the order of their names, and the body in the last
/// field, which is called so. Whoever adds entries by hand needs the body alone.
enum MessageFields {
    static let body = "body"

    static func fields(of message: BrokerMessage) -> [RedisField] {
        var fields = message.headers.dictionary.sorted { $0.key < $1.key }.map { RedisField($0.key, $0.value) }
        fields.append(RedisField(Array(body.utf8), message.body))
        return fields
    }

    /// Of names that repeat the first counts: what was a dead letter twice says of the last time first.
    static func message(_ fields: [RedisField]) -> BrokerMessage {
        var headers = MessageHeaders()
        let bodyIndex = fields.lastIndex { $0.name.elementsEqual(body.utf8) }
        for (index, field) in fields.enumerated() where index != bodyIndex {
            let name = String(decoding: field.name, as: UTF8.self)
            if headers[name] == nil { headers[name] = String(decoding: field.value, as: UTF8.self) }
        }
        if headers[MessageHeaders.id] == nil, let job = headers["Cron-Job"], let due = headers["Cron-Due"] {
            // Of a schedule: each run is a message of its own.
            headers[MessageHeaders.id] = "\(job)/\(due)"
        }
        return BrokerMessage(headers: headers, body: bodyIndex.map { fields[$0].value } ?? [])
    }
}
