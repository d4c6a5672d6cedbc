// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletEmbedded

/// `swift run Greeter` runs a service and a client of it in one process, which needs nothing beside it. With their
/// store at servers, `MARTLET_STORE=martlet://127.0.0.1` for example, they can be two: `swift run Greeter serve`, and
/// `swift run Greeter call John Jane` in another terminal.
@main struct Greeter {
    static func main() async throws {
        let words = Array(CommandLine.arguments.dropFirst())
        try await MartletStore.with { store in
            switch words.first {
            case "serve": try await greeterService(store).runService()
            case "call": try await greet(Array(words.dropFirst()), store)
            default:
                try await withMicroServices([greeterService(store)]) { try await greet(["John", "Jane", ""], store) }
            }
        }
    }
}
