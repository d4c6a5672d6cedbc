// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import Testing

@Suite struct InvocationTests {
    @Test(arguments: [
        ("martlet", ["server", "--name=a"], Invocation.server(["--name=a"])),
        ("/usr/bin/martlet", ["--name=a"], .server(["--name=a"])),
        ("martlet", ["-name", "a"], .server(["-name", "a"])),
        ("martlet", ["--version"], .server(["--version"])),
        ("/opt/bin/etcd", [], .server([])),
        ("etcd", ["--help"], .server(["--help"])),
        ("etcd", ["gateway", "start"], .server(["gateway", "start"])),
        ("martlet", [], .commands([])),
        ("martlet", ["--help"], .commands(["--help"])),
        ("martlet", ["-h"], .commands(["-h"])),
        ("martlet", ["--generate-completion-script=zsh"], .commands(["--generate-completion-script=zsh"])),
        ("martlet", ["---completion", "call"], .commands(["---completion", "call"])),
        ("martlet", ["demo", "--seconds", "12"], .commands(["demo", "--seconds", "12"])),
        ("martlet", ["nonsense"], .commands(["nonsense"])),
    ])
    func chooses(_ name: String, _ arguments: [String], _ expected: Invocation) {
        #expect(Invocation(name: name, arguments: arguments) == expected)
    }
}
