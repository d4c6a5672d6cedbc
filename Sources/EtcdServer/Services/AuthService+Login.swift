// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletAuthTokens
import MartletEtcdAPI
import MartletGRPCWire
import MartletNode
import MartletReplica

extension AuthService {
    /// Checks the password, on a worker, then has the login written to the log; each member that applies it knows the
    /// token from then on.
    package func authenticate(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AuthenticateRequest.self) else { return }
        checkPassword(Array(request.password.utf8), of: AuthName(request.name), call, attempt: 1)
    }

    /// Users seldom change twice within one login.
    private static let maximumAttempts = 8

    private func checkPassword(_ password: [UInt8], of name: AuthName, _ call: any EtcdCall, attempt: Int) {
        guard attempt <= Self.maximumAttempts else { return call.finish(AuthError.oldRevision.status) }
        store.read(for: call) {
            var known: (hash: [UInt8], revision: UInt64)?
            do throws(AuthError) {
                known = try store.member.auth.passwordHash(of: name)
            } catch {
                // Who doesn't exist waits as long as who does.
                guard error == .authenticationFailed else { return call.finish(error.status) }
            }
            let (hasher, hash) = (store.hasher, known?.hash)
            work(for: call, { hasher.matches(password, hash: hash) }) { isRight in
                guard isRight, let known else { return call.fail(.authFailed) }
                logIn(name, password, checkedAt: known.revision, call, attempt: attempt)
            }
        }
    }

    /// - Parameter checkedAt: the revision of users whose password was checked. If that isn't the one at which the
    ///   login is applied, the password may be another by now.
    private func logIn(
        _ name: AuthName, _ password: [UInt8], checkedAt: UInt64, _ call: any EtcdCall, attempt: Int
    ) {
        let prefix = store.tokens.beginLogin()
        let request = AuthRequest.authenticate(name: name, simpleToken: prefix)
        store.propose(
            .auth(request),
            reply: .handler { result in
                switch result {
                case .success(.auth(.authenticated(let name, let revision, prefix))):
                    guard revision == checkedAt else {
                        store.tokens.abandonLogin(prefix)
                        return checkPassword(password, of: name, call, attempt: attempt + 1)
                    }
                    answer(name, revision, prefix, call)
                case .success(let answer):
                    preconditionFailure("a login was answered by \(answer)")
                case .failure(let error):
                    store.tokens.abandonLogin(prefix)
                    call.finish(error.status)
                }
            })
    }

    private func answer(_ name: AuthName, _ revision: UInt64, _ prefix: String, _ call: any EtcdCall) {
        do throws(TokenProvider.AssignError) {
            var response = Etcdserverpb_AuthenticateResponse()
            response.token = try store.tokens.endLogin(of: name, revision: revision, prefix, at: store.tokenTime)
            response.header = store.header
            call.respond(with: response)
        } catch {
            switch error {
            case .signing(let error): call.finish(GRPCStatus(.unknown, error.text))
            case .invalidToken: call.fail(.invalidAuthToken)
            }
        }
    }

    /// Runs `work` beside the loop and then `answer` on it, or ends the call if too much waits.
    func work<Value: Sendable>(
        for call: any EtcdCall, _ work: @escaping @Sendable () -> Value, then answer: @escaping (Value) -> Void
    ) {
        if !store.passwords.run(work, then: answer) { call.fail(.tooManyRequests) }
    }
}
