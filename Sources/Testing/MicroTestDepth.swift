// SPDX-License-Identifier: Apache-2.0

/// How much of the way between a client and a service a test goes.
///
/// On either depth the bytes are those of the wire: interceptors, codecs, deadlines, errors and streams behave alike.
public enum MicroTestDepth: Sendable, Hashable, CaseIterable {
    /// Inside the process: no port, no socket.
    case handler
    /// Through a real socket, on a port of 127.0.0.1 that the system chooses.
    case loopback
}
