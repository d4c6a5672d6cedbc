// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import Logging
import Martlet
import NIOCore
import ServiceLifecycle
import Testing
import Tracing

/// Every public type of Martlet has a name of its own beside what its users import with it.
@Suite struct PublicNamesTests {
    @Test func everyPublicTypeIsNamedWithoutItsModule() {
        let types: [Any.Type] = [
            MicroService.self, MicroService.Configuration.self, MicroClient.self, MicroClient.Configuration.self,
            MicroError.self, MicroError.Code.self, HandlerContext.self, HandlerExecutor.self,
            HandlerInterceptor.self, CallMetadata.self, CallMetadata.Pair.self, RequestOptions.self,
            MicroRequest<String>.self,
            MessageStream<String>.self, MessageStream<String>.AsyncIterator.self, MessageWriter<String>.self,
            InMemoryRegistry.self, RegistryChange.self, RegistrationOptions.self, ServiceRecord.self, NodeRecord.self,
            EndpointRecord.self, ValueRecord.self, NodeSelector.self, MessageCodec.self, NodeFilter.self,
            NodeChoice.self, NodeOutcome.self, CallRetryPolicy.self, BreakerPolicy.self, EjectionPolicy.self,
            CallHedgingPolicy.self, PoolPolicy.self, CallContext.self, CallInterceptor.self, FailedAttempt.self,
            MicroResponse<String>.self, StaticRegistry.self, DNSRegistry.self, DNSRegistry.Configuration.self,
            MulticastDNSRegistry.self, MulticastDNSRegistry.Configuration.self, (any PreparedSelector).self,
            (any ServiceRegistry).self, (any MessageCoder).self, CallKind.self, EndpointLimits.self, RateLimit.self,
            RawCall.self, RouterDecision.self, StreamEvent.self, StreamEvent.Direction.self, MessageContext.self,
            MessageHeaders.self, BrokerMessage.self, BrokerDelivery.self, DeliveryOutcome.self,
            SubscriptionOptions.self, SubscriptionOptions.Queue.self, BrokerMessage.Terms.self, BrokerFeatures.self,
            PublishOptions.self, InMemoryBroker.self, HTTPBroker.self,
            HTTPBroker.Configuration.self, MicroTLS.self, MicroPlugin.self, MicroPlugin.Settings.self,
            (any MessageBroker).self, (any BrokerSubscription).self, PublishContext.self,
        ]
        #expect(Set(types.map { ObjectIdentifier($0) }).count == types.count)
        for type in types where !(type is HandlerInterceptor.Type) && !(type is CallInterceptor.Type) {
            #expect(String(reflecting: type).contains("Martlet."), "\(type)")
        }
    }

    @Test func usersOwnTypesStayReachable() {
        // Names that users have from elsewhere mean what they meant before.
        let others: [Any.Type] = [
            (any ServiceLifecycle.Service).self, Metadata.self, RPCError.self, Logger.self, ByteBuffer.self,
            SocketAddress.self, Status.self,
        ]
        #expect(others.count == 7)
    }
}
