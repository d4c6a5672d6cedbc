// SPDX-License-Identifier: Apache-2.0

/// What a group does of itself, at the server. Martlet alone. What is `nil` it doesn't do.
public struct RedisGroupPolicy: Sendable, Hashable {
    /// For so long a message is its consumer's; then whoever reads next gets it, or whoever waits.
    public var visibility: Duration?
    /// What was delivered so often becomes a dead letter instead of being delivered again. With ``deadLetterStream``.
    public var maximumDeliveries: Int?
    /// Where dead letters go, in one step with their leaving the group.
    public var deadLetterStream: String?
    /// A consumer that has read nothing for so long goes, and gives back what it had.
    public var idleConsumers: Duration?
    /// Of messages with the same value in this field one is out at a time, in their order; others go on beside.
    public var orderField: String?
    /// Whether messages come by their priorities (``RedisAddOptions/priority``), the most urgent first, and of one
    /// priority in their order. Goes not with ``orderField``.
    public var prefersUrgent = false
    /// Messages that lack one of these fields are passed over.
    public var filter: [RedisField] = []

    public init() {}

    /// `nil` where a group tells of no policy.
    init?(_ value: RedisValue) {
        func milliseconds(_ name: String) -> Duration? { value[name]?.integer.map { .milliseconds($0) } }
        visibility = milliseconds("visibility")
        maximumDeliveries = value["max-deliveries"]?.integer.map { Int(clamping: $0) }
        deadLetterStream = value["dead-letter"]?.text
        idleConsumers = milliseconds("idle-consumers")
        orderField = value["order-by"]?.text
        prefersUrgent = value["deliver"]?.text == "priority"
        let texts = value["filter"]?.elements?.compactMap(\.bytes) ?? []
        for index in stride(from: 0, to: texts.count - 1, by: 2) {
            filter.append(RedisField(texts[index], texts[index + 1]))
        }
        if self == RedisGroupPolicy() { return nil }
    }

    func append(to command: inout RedisCommand) {
        let before = command.count
        if let visibility { command.append(contentsOf: ["VISIBILITY", "\(visibility.wholeMilliseconds)"]) }
        if let maximumDeliveries { command.append(contentsOf: ["MAXDELIVERIES", "\(maximumDeliveries)"]) }
        if let deadLetterStream { command.append(contentsOf: ["DEADLETTER", deadLetterStream]) }
        if let idleConsumers { command.append(contentsOf: ["IDLECONSUMERS", "\(idleConsumers.wholeMilliseconds)"]) }
        if let orderField { command.append(contentsOf: ["ORDERBY", orderField]) }
        if prefersUrgent { command.append(contentsOf: ["DELIVER", "PRIORITY"]) }
        for field in filter {
            command.append("FILTER")
            command.append(field.name)
            command.append(field.value)
        }
        if command.count == before { command.append("OFF") }
    }
}
