// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// The one place where protobuf's bytes become the store's and back.
extension Data {
    package var bytes: [UInt8] { [UInt8](self) }
}

extension [UInt8] {
    package var data: Data { Data(self) }
}
