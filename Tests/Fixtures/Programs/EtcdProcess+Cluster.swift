// SPDX-License-Identifier: Apache-2.0

extension EtcdProcess {
    /// Runs `body` beside a fresh cluster and ends it.
    ///
    /// - Parameters:
    ///   - peerScheme: https where the members encrypt what they say to each other.
    ///   - arguments: For each member.
    ///   - servesStreams: Whether each member has a `streamPort`.
    ///   - isDiscovered: Whether the members must find each other by themselves.
    ///   - prepare: Before they start; gives more arguments, for each member its own.
    ///   - body: Gets them as `test1`, `test2` and so on.
    package static func withCluster<Result>(
        _ kind: Kind, count: Int = 3, peerScheme: String = "http", arguments: [String] = [],
        servesStreams: Bool = false, isDiscovered: Bool = false,
        prepare: ([(name: String, peerURL: String)]) async throws -> [[String]] = { $0.map { _ in [] } },
        _ body: ([EtcdProcess]) async throws -> Result
    ) async throws -> Result {
        let places = try (1...count).map { try Place(name: "test\($0)", peerScheme: peerScheme) }
        let more = try await prepare(places.map { ($0.name, $0.peerURL) })
        let others = isDiscovered ? [] : places
        // All at once: none serves before most of them run.
        let members = try await withThrowingTaskGroup(of: (Int, EtcdProcess).self) { group in
            for (index, (place, own)) in zip(places, more).enumerated() {
                let flags = try arguments + own + (servesStreams ? streamFlags() : [])
                group.addTask { (index, try await self.start(kind, at: place, in: others, "http", flags)) }
            }
            var members: [(Int, EtcdProcess)] = []
            while let next = await group.nextResult() {
                switch next {
                case .success(let member): members.append(member)
                case .failure(let error):
                    for (_, member) in members { await member.end() }
                    while let late = await group.nextResult() { await (try? late.get())?.1.end() }
                    throw error
                }
            }
            // In the order of their names, whichever served first.
            return members.sorted { $0.0 < $1.0 }.map(\.1)
        }
        do {
            let result = try await body(members)
            for member in members { await member.end() }
            return result
        } catch {
            for member in members { await member.end() }
            throw error
        }
    }

    private static func streamFlags() throws -> [String] {
        let port = try freePort()
        return ["--listen-stream-urls", "redis://127.0.0.1:\(port)"]
    }

    /// A member that isn't started yet.
    package struct Newcomer: Sendable {
        private let kind: Kind
        private let place: Place
        /// Where the others will reach it.
        package var peerURL: String { self.place.peerURL }

        package init(_ kind: Kind) throws {
            self.kind = kind
            self.place = try Place(name: "newcomer")
        }

        /// Runs `body` while it runs, in a cluster that expects it.
        ///
        /// - Parameter members: Names and peer URLs of the others.
        package func run<Result>(
            joining members: [(name: String, peerURL: String)], _ body: (EtcdProcess) async throws -> Result
        ) async throws -> Result {
            let others = members.map { "\($0.name)=\($0.peerURL)" }
            let cluster = (others + ["\(self.place.name)=\(self.peerURL)"]).joined(separator: ",")
            // The last of two flags counts.
            let server = try await EtcdProcess.start(
                self.kind, at: self.place, in: [self.place], "http",
                ["--initial-cluster-state", "existing", "--initial-cluster", cluster])
            do {
                let result = try await body(server)
                await server.end()
                return result
            } catch {
                await server.end()
                throw error
            }
        }
    }
}
