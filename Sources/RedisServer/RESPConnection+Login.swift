// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

extension RESPConnection {
    /// Users seldom change twice within one login.
    private static let maximumAttempts = 8

    /// Has a password checked beside the loop. What the client sends meanwhile waits, and so does its reply.
    func logIn(_ login: Login, _ entry: CommandEntry, _ arguments: Arguments, attempt: Int) {
        isWaiting = true
        let isUnderway =
            attempt <= Self.maximumAttempts
            && hub.engine.check(login) { [weak self] isRight in
                self?.endLogin(login, isRight: isRight, entry, arguments, attempt)
            }
        if isUnderway { return }
        // Not in this call: whoever made it still counts on a reply that comes later.
        let bound = NIOLoopBound(self, eventLoop: hub.loop)
        hub.loop.execute {
            let connection = bound.value
            var writer = ReplyWriter(isRESP3: connection.session.isRESP3)
            connection.session.refuseLogin(&writer)
            connection.answer(entry, writer)
        }
    }

    private func endLogin(
        _ login: Login, isRight: Bool, _ entry: CommandEntry, _ arguments: Arguments, _ attempt: Int
    ) {
        if isClosing { return }
        var writer = ReplyWriter(isRESP3: session.isRESP3)
        let next = session.endLogin(
            login, isRight: isRight, entry, arguments, hub.engine.access, hub.configuration.environment, &writer)
        if let next { return logIn(next, entry, arguments, attempt: attempt + 1) }
        hub.noteRefusals(self)
        answer(entry, writer)
    }

    private func answer(_ entry: CommandEntry, _ writer: ReplyWriter) {
        var writer = writer
        if writer.bytes.first == UInt8(ascii: "-") { writer.noteFailure(of: entry.number, at: 0) }
        hub.answer(CommandReply(client: session.id, writer))
    }
}
