// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import Testing

@Suite struct LiveCompletionTests {
    @Test(arguments: [
        (["martlet", "call", "greeter", ""], "greeter"),
        (["martlet", "call", "--registry", "h:1", "greeter"], "greeter"),
        (["martlet", "call", "--registry=h:1", "--raw", "greeter"], "greeter"),
        (["martlet", "stream", "-o", "json", "greeter", "Greeter."], "greeter"),
    ]) func findsTheService(_ words: [String], _ service: String) {
        #expect(LiveCompletion.service(in: words) == service)
    }

    @Test func aLineWithoutAServiceHasNone() {
        #expect(LiveCompletion.service(in: ["martlet", "call"]) == nil)
        #expect(LiveCompletion.service(in: ["martlet", "call", ""]) == nil)
        #expect(LiveCompletion.service(in: ["martlet", "call", "--registry", "h:1"]) == nil)
    }

    @Test func theWordIsTheOneAtTheCursor() {
        #expect(LiveCompletion.word(at: 2, in: ["martlet", "call", "gr", "--registry", "h:1"]) == "gr")
        #expect(LiveCompletion.word(at: 9, in: ["martlet", "call"]) == "")
    }

    @Test func findsWhoAsksTheRegistry() {
        let words = [
            "martlet", "call", "--user", "app:pw", "greeter", "--cacert=ca.pem", "--insecure-skip-tls-verify", "--cert",
        ]
        #expect(
            LiveCompletion.registryArguments(words)
                == ["--user=app:pw", "--cacert=ca.pem", "--insecure-skip-tls-verify"])
        #expect(LiveCompletion.service(in: words) == "greeter")
    }

    @Test func findsTheRegistry() {
        #expect(LiveCompletion.value(of: "--registry", in: ["martlet", "call", "--registry", "h:1"]) == "h:1")
        #expect(LiveCompletion.value(of: "--registry", in: ["martlet", "--registry=h:1,h:2"]) == "h:1,h:2")
        #expect(LiveCompletion.value(of: "--registry", in: ["martlet", "call"]) == nil)
    }
}
