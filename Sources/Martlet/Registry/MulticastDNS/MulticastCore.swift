// SPDX-License-Identifier: Apache-2.0

internal import MartletDNSCodec

/// go-micro's registry on multicast DNS, as a value: packets, ticks and wishes go in, packets and changes come out. No
/// socket, clock or task.
///
/// A node is one instance `<node id>.<service>.<domain>` with four records in one packet:
///
///     PTR  <service>.<domain>            -> the instance
///     SRV  the instance                  -> port, host
///     A    the host                      -> address, AAAA for IPv6
///     TXT  the instance                  -> hex(zlib(JSON{Service, Version, Endpoints, Metadata})), strings of 255
///
/// For listing there is a `<service>._services.<domain>` beside them. A time to live of 0 says that a node goes.
/// Source: RFC 6762, RFC 6763, and go-micro's registry as facts about it tell.
package struct MulticastCore: Sendable {
    /// What a step asks for.
    package struct Effects: Sendable {
        /// Packets to multicast, in this order.
        package var packets: [[UInt8]] = []
        package var changes: [RegistryChange] = []
    }

    /// Nodes of others that are remembered: more than a link has hosts.
    package static let maximumNodes = 16_384
    /// A known node is asked for again when so much of its time has passed. Source: RFC 6762 §5.2.
    private static let refreshShare = 0.8
    /// The service name under which services are listed.
    static let listing = "_services"
    /// What go-micro writes for a node of the listing, which nobody calls.
    private static let listingPort: UInt16 = 9999

    private struct Own {
        var record: ServiceRecord
        var ttlSeconds: UInt32
        /// When it is announced again.
        var nextNanoseconds: UInt64
        var intervalNanoseconds: UInt64
    }

    private struct Known {
        var record: ServiceRecord
        var expiresNanoseconds: UInt64
        var refreshNanoseconds: UInt64
    }

    private let domain: DNSName
    private let host: DNSName
    private var own: [String: Own] = [:]
    private var known: [String: Known] = [:]

    /// - Parameters:
    ///   - domain: `micro` for go-micro.
    ///   - host: A name for this machine, one label.
    package init(domain: String, host: String) {
        self.domain = DNSName(domain)
        let label = String(host.prefix { $0 != "." }.prefix(DNSName.maximumLabelBytes / 4))
        self.host = DNSName(label.isEmpty ? "host" : label) + DNSName(domain)
    }

    // MARK: Wishes

    /// Announces a node, now and every so often.
    package mutating func register(
        _ record: ServiceRecord, ttlSeconds: UInt32, intervalNanoseconds: UInt64, nowNanoseconds now: UInt64
    ) throws(MicroError) -> Effects {
        var effects = Effects()
        for node in record.nodes {
            var single = record
            single.nodes = [node]
            guard let packet = self.packet(single, ttlSeconds: ttlSeconds), packet.count <= Self.maximumPacketBytes
            else {
                throw MicroError(
                    .badRequest, "node \(node.id) at \(node.address) can't be written into a multicast DNS packet")
            }
            self.own[Self.key(record.name, node.id)] = Own(
                record: single, ttlSeconds: max(1, ttlSeconds), nextNanoseconds: now &+ intervalNanoseconds,
                intervalNanoseconds: max(1, intervalNanoseconds))
            effects.packets.append(packet)
            self.learn(single, ttlSeconds: max(1, ttlSeconds), now, &effects)
        }
        return effects
    }

    /// The largest packet that is sent. Source: RFC 6762 §17.
    package static let maximumPacketBytes = 8952

    /// Says that a node goes.
    package mutating func deregister(_ record: ServiceRecord) -> Effects {
        var effects = Effects()
        for node in record.nodes {
            let key = Self.key(record.name, node.id)
            self.own[key] = nil
            var single = record
            single.nodes = [node]
            if let packet = self.packet(single, ttlSeconds: 0) { effects.packets.append(packet) }
            self.forget(single, &effects)
        }
        return effects
    }

    /// Asks for the nodes of a service, or for all services.
    package func query(_ service: String?) -> Effects {
        var message = DNSMessage()
        message.questions = [DNSQuestion(DNSName(service ?? Self.listing) + self.domain, .ptr)]
        return Effects(packets: message.encoded().map { [$0] } ?? [])
    }

    /// Time has passed: announces, asks again, forgets. Called about once a second.
    package mutating func tick(_ now: UInt64) -> Effects {
        var effects = Effects()
        for key in self.own.keys.sorted() {
            guard let own = self.own[key], own.nextNanoseconds <= now else { continue }
            self.own[key]?.nextNanoseconds = now &+ own.intervalNanoseconds
            if let packet = self.packet(own.record, ttlSeconds: own.ttlSeconds) { effects.packets.append(packet) }
            self.learn(own.record, ttlSeconds: own.ttlSeconds, now, &effects)
        }
        var stale: Set<String> = []
        for key in self.known.keys.sorted() {
            guard let known = self.known[key] else { continue }
            if known.expiresNanoseconds <= now {
                self.forget(known.record, &effects)
            } else if known.refreshNanoseconds <= now {
                self.known[key]?.refreshNanoseconds = known.expiresNanoseconds
                stale.insert(known.record.name)
            }
        }
        for service in stale.sorted() { effects.packets += self.query(service).packets }
        return effects
    }

    // MARK: What is known

    package var records: [ServiceRecord] { self.known.sorted { $0.key < $1.key }.map(\.value.record) }

    package func records(of service: String) -> [ServiceRecord] { self.records.filter { $0.name == service } }

    // MARK: Packets

    /// Takes a packet; anything may come.
    package mutating func receive(_ bytes: [UInt8], nowNanoseconds now: UInt64) -> Effects {
        var effects = Effects()
        guard let message = try? DNSMessage(bytes), message.flags.operation == 0 else { return effects }
        if message.flags.isResponse {
            self.read(message, now, &effects)
        } else {
            for question in message.questions { self.answer(question, message.answers, &effects) }
        }
        return effects
    }

    /// The services that a listing names.
    package func listedServices(_ bytes: [UInt8]) -> [String] {
        guard let message = try? DNSMessage(bytes), message.flags.isResponse else { return [] }
        let listing = DNSName(Self.listing) + self.domain
        return message.answers.compactMap { record in
            guard record.name == listing, record.ttlSeconds > 0, case .ptr(let instance) = record.content else {
                return nil
            }
            return instance.prefix(before: listing)?.text
        }
    }

    private func answer(_ question: DNSQuestion, _ knownAnswers: [DNSRecord], _ effects: inout Effects) {
        guard question.type == .ptr || question.type == .any || question.type == .srv || question.type == .txt,
            let asked = question.name.prefix(before: self.domain)
        else { return }
        if asked == DNSName(Self.listing) {
            for service in Set(self.own.values.map(\.record.name)).sorted() {
                if let packet = self.listingPacket(service) { effects.packets.append(packet) }
            }
            return
        }
        for key in self.own.keys.sorted() {
            guard let own = self.own[key], let node = own.record.nodes.first else { continue }
            let service = DNSName(own.record.name)
            let instance = DNSName(node.id) + service
            guard asked == service || asked == instance else { continue }
            // Whoever asks may say what it knows already. Source: RFC 6762 §7.1.
            let isKnown = knownAnswers.contains { record in
                record.content == .ptr(instance + self.domain) && record.ttlSeconds >= own.ttlSeconds / 2
            }
            if !isKnown, let packet = self.packet(own.record, ttlSeconds: own.ttlSeconds) {
                effects.packets.append(packet)
            }
        }
    }

    private mutating func read(_ message: DNSMessage, _ now: UInt64, _ effects: inout Effects) {
        let records = message.records
        for pointer in records {
            guard case .ptr(let instance) = pointer.content, let service = pointer.name.prefix(before: self.domain),
                service != DNSName(Self.listing), let id = instance.prefix(before: pointer.name)
            else { continue }
            // Everything about an instance comes in one packet.
            var found = Instance()
            for record in records where record.name == instance {
                switch record.content {
                case .srv(_, _, let port, let target): (found.port, found.target) = (port, target)
                case .txt(let strings): found.text = MulticastText.record(strings)
                default: break
                }
                if record.ttlSeconds == 0 { found.isLeaving = true }
            }
            if pointer.ttlSeconds == 0 { found.isLeaving = true }
            for record in records where record.name == found.target {
                switch record.content {
                // go-micro prefers the older kind.
                case .a(let bytes): found.address = bytes.map(String.init).joined(separator: ".")
                case .aaaa(let bytes) where found.address == nil: found.address = "[\(IPv6Text.text(bytes))]"
                default: break
                }
            }
            guard var record = found.text, record.name == service.text else {
                if found.isLeaving {
                    let gone = ServiceRecord(
                        name: service.text, version: "", nodes: [NodeRecord(id: id.text, address: "-")])
                    self.forget(gone, &effects)
                }
                continue
            }
            record.nodes[0].id = id.text
            record.nodes[0].address = "\(found.address ?? ""):\(found.port)"
            if found.isLeaving {
                self.forget(record, &effects)
            } else if found.address != nil, found.port != 0 {
                self.learn(record, ttlSeconds: pointer.ttlSeconds, now, &effects)
            }
        }
    }

    private struct Instance {
        var port: UInt16 = 0
        var target: DNSName?
        var address: String?
        var text: ServiceRecord?
        var isLeaving = false
    }

    private mutating func learn(_ record: ServiceRecord, ttlSeconds: UInt32, _ now: UInt64, _ effects: inout Effects) {
        guard let node = record.nodes.first else { return }
        let key = Self.key(record.name, node.id)
        let old = self.known[key]
        guard old != nil || self.known.count < Self.maximumNodes else { return }
        let lifetime = UInt64(ttlSeconds) * 1_000_000_000
        self.known[key] = Known(
            record: record, expiresNanoseconds: now &+ lifetime,
            refreshNanoseconds: now &+ UInt64(Double(lifetime) * Self.refreshShare))
        if old?.record != record { effects.changes.append(.put(record)) }
    }

    private mutating func forget(_ record: ServiceRecord, _ effects: inout Effects) {
        guard let node = record.nodes.first, self.known.removeValue(forKey: Self.key(record.name, node.id)) != nil
        else {
            return
        }
        effects.changes.append(.remove(service: RegistryKey.part(record.name), nodeID: RegistryKey.part(node.id)))
    }

    private static func key(_ service: String, _ id: String) -> String { RegistryKey.node(service: service, id: id) }

    /// Everything about one node; `nil` when it can't be written.
    private func packet(_ record: ServiceRecord, ttlSeconds: UInt32) -> [UInt8]? {
        guard let node = record.nodes.first, let address = NodeAddress(node.address),
            let strings = MulticastText.strings(record)
        else { return nil }
        let service = DNSName(record.name) + self.domain
        let instance = DNSName(node.id) + service
        // A name for each node: nodes of one machine may be at different addresses.
        let label = String(node.id.suffix(DNSName.maximumLabelBytes / 4)).filter { $0 != "." }
        let host = DNSName(label.isEmpty ? "node" : label) + self.host
        var message = DNSMessage()
        message.flags.isResponse = true
        message.flags.isAuthoritative = true
        message.answers = [
            DNSRecord(service, ttlSeconds: ttlSeconds, .ptr(instance)),
            DNSRecord(
                instance, ttlSeconds: ttlSeconds, flushesCache: true,
                .srv(priority: 10, weight: 1, port: address.port, target: host)),
            DNSRecord(host, ttlSeconds: ttlSeconds, flushesCache: true, address.content),
            DNSRecord(instance, ttlSeconds: ttlSeconds, flushesCache: true, .txt(strings)),
        ]
        return message.encoded()
    }

    private func listingPacket(_ service: String) -> [UInt8]? {
        let listing = DNSName(Self.listing) + self.domain
        let instance = DNSName(service) + listing
        var message = DNSMessage()
        message.flags.isResponse = true
        message.flags.isAuthoritative = true
        let ttl = UInt32(120)
        message.answers = [
            DNSRecord(listing, ttlSeconds: ttl, .ptr(instance)),
            DNSRecord(
                instance, ttlSeconds: ttl, .srv(priority: 10, weight: 1, port: Self.listingPort, target: self.host)),
            DNSRecord(self.host, ttlSeconds: ttl, .a([0, 0, 0, 0])),
            DNSRecord(instance, ttlSeconds: ttl, .txt([])),
        ]
        return message.encoded()
    }
}
