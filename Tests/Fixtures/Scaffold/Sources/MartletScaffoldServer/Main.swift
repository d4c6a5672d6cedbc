import Martlet
import MartletEtcd
import MartletScaffold

@main struct Main {
    static func main() async throws {
        try await makeService(registry: .etcd("127.0.0.1:2379")).runService()
    }
}
