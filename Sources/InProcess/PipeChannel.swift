// SPDX-License-Identifier: Apache-2.0

import DequeModule
package import NIOCore
import Synchronization

/// One end of a connection inside this process: what one end writes, the other reads, without a socket in between.
///
/// The ends may live on different event loops; bytes go over in one step a flush. As with a socket, an end may have
/// written ``writeBytes`` that the other hasn't read, and isn't writable until those are gone.
///
/// `@unchecked Sendable`: all that changes is touched only on the end's own event loop, but for two atomics.
package final class PipeChannel: Channel, ChannelCore, @unchecked Sendable {
    /// As much as a socket's send and receive buffers hold, about.
    static let writeBytes = 1 << 18

    package let eventLoop: any EventLoop
    package let allocator = ByteBufferAllocator()
    private let closePromise: EventLoopPromise<Void>
    private let active = Atomic<Bool>(false)
    private let writable = Atomic<Bool>(true)

    // Confined to the loop.
    private var ownPipeline: ChannelPipeline?
    private var peer: PipeChannel?
    private var unflushed: [(buffer: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var inbox: Deque<ByteBuffer> = []
    private var unreadByPeer = 0
    private var readsByItself: Bool
    private var isReadWanted = false
    private var isDelivering = false
    private var hasInputEnded = false
    private var hasOutputEnded = false
    private var isClosed = false

    private init(_ loop: any EventLoop, readsByItself: Bool) {
        self.eventLoop = loop
        self.readsByItself = readsByItself
        self.closePromise = loop.makePromise()
        self.ownPipeline = ChannelPipeline(channel: self)
    }

    /// Two ends that are not yet active. The first doesn't read before it is told to; see `ChannelOptions.autoRead`.
    static func pair(_ first: any EventLoop, _ second: any EventLoop) -> (PipeChannel, PipeChannel) {
        let near = PipeChannel(first, readsByItself: false)
        let far = PipeChannel(second, readsByItself: true)
        near.peer = far
        far.peer = near
        return (near, far)
    }

    /// Makes the end active. On its loop.
    func activate() {
        self.eventLoop.preconditionInEventLoop()
        guard !self.isClosed else { return }
        self.active.store(true, ordering: .relaxed)
        self.pipeline.fireChannelRegistered()
        self.pipeline.fireChannelActive()
        if self.readsByItself { self.pipeline.read() }
    }

    // MARK: Channel

    package var pipeline: ChannelPipeline {
        guard let pipeline = self.ownPipeline else { preconditionFailure("a channel has its pipeline from the start") }
        return pipeline
    }

    package var closeFuture: EventLoopFuture<Void> { self.closePromise.futureResult }
    package var localAddress: SocketAddress? { nil }
    package var remoteAddress: SocketAddress? { nil }
    package var parent: (any Channel)? { nil }
    package var isWritable: Bool { self.writable.load(ordering: .relaxed) }
    package var isActive: Bool { self.active.load(ordering: .relaxed) }
    /// Whether the other end can still read what is written: known as soon as that has closed, and so before its end is
    /// read here. On the loop.
    package var isPeerActive: Bool { self.peer?.isActive ?? false }
    /// What was written and the other end hasn't read. On the loop.
    package var unreadBytes: Int { self.unreadByPeer }
    package var _channelCore: any ChannelCore { self }
    package var syncOptions: (any NIOSynchronousChannelOptions)? { Options(channel: self) }

    package func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        self.eventLoop.submit { try self.set(option, value) }
    }

    package func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        self.eventLoop.submit { try self.get(option) }
    }

    fileprivate func set<Option: ChannelOption>(_ option: Option, _ value: Option.Value) throws {
        guard option is ChannelOptions.Types.AutoReadOption, let value = value as? Bool else {
            throw ChannelError.operationUnsupported
        }
        let mustRead = value && !self.readsByItself && self.isActive
        self.readsByItself = value
        if mustRead { self.pipeline.read() }
    }

    fileprivate func get<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
        if option is ChannelOptions.Types.AutoReadOption, let value = self.readsByItself as? Option.Value {
            return value
        }
        if option is ChannelOptions.Types.BufferedWritableBytesOption, let value = 0 as? Option.Value { return value }
        throw ChannelError.operationUnsupported
    }

    /// Options for those who are on the loop already.
    private struct Options: NIOSynchronousChannelOptions {
        let channel: PipeChannel

        func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {
            try self.channel.set(option, value)
        }

        func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
            try self.channel.get(option)
        }
    }

    // MARK: Writing

    package func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !self.isClosed, !self.hasOutputEnded else {
            promise?.fail(self.isClosed ? ChannelError.ioOnClosedChannel : ChannelError.outputClosed)
            return
        }
        self.unflushed.append((self.unwrapData(data, as: ByteBuffer.self), promise))
    }

    package func flush0() {
        guard !self.unflushed.isEmpty, let peer = self.peer else { return }
        let writes = self.unflushed
        self.unflushed = []
        let buffers = writes.map(\.buffer)
        self.unreadByPeer += buffers.reduce(0) { $0 + $1.readableBytes }
        // Always a turn later, also on the same loop: the other end never runs inside a write of this one.
        peer.eventLoop.execute { peer.receive(buffers) }
        for write in writes { write.promise?.succeed() }
        self.updateWritability()
    }

    private func updateWritability() {
        let isWritable = self.unreadByPeer < Self.writeBytes
        guard self.writable.exchange(isWritable, ordering: .relaxed) != isWritable, !self.isClosed else { return }
        self.pipeline.fireChannelWritabilityChanged()
    }

    private func peerHasRead(_ bytes: Int) {
        self.unreadByPeer -= bytes
        self.updateWritability()
    }

    // MARK: Reading

    private func receive(_ buffers: [ByteBuffer]) {
        guard !self.isClosed else { return }
        self.inbox.append(contentsOf: buffers)
        self.deliver()
    }

    package func read0() {
        self.isReadWanted = true
        guard !self.isDelivering, !self.inbox.isEmpty || self.hasInputEnded else { return }
        self.eventLoop.execute { self.deliver() }
    }

    private func deliver() {
        guard self.isActive, self.isReadWanted, !self.isDelivering, !self.isClosed else { return }
        guard !self.inbox.isEmpty else {
            if self.hasInputEnded { self.close0(error: ChannelError.eof, mode: .all, promise: nil) }
            return
        }
        self.isDelivering = true
        self.isReadWanted = false
        var bytes = 0
        while let buffer = self.inbox.popFirst() {
            bytes += buffer.readableBytes
            self.pipeline.fireChannelRead(buffer)
        }
        self.isDelivering = false
        // A handler may have closed the channel over what it read.
        guard !self.isClosed else { return }
        self.pipeline.fireChannelReadComplete()
        if let peer = self.peer {
            let read = bytes
            peer.eventLoop.execute { peer.peerHasRead(read) }
        }
        if self.readsByItself, !self.isClosed { self.pipeline.read() }
    }

    private func inputEnded() {
        self.hasInputEnded = true
        // Nothing is left to be read: no read has to ask for the end.
        if self.inbox.isEmpty { self.close0(error: ChannelError.eof, mode: .all, promise: nil) }
    }

    // MARK: The end

    package func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard !self.isClosed else {
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        switch mode {
        case .input:
            promise?.fail(ChannelError.operationUnsupported)
            return
        case .output, .all:
            self.endOutput(error)
        }
        guard mode == .all else {
            promise?.succeed()
            return
        }
        self.isClosed = true
        let wasActive = self.active.exchange(false, ordering: .relaxed)
        self.inbox = []
        self.peer = nil
        promise?.succeed()
        if wasActive { self.pipeline.fireChannelInactive() }
        self.pipeline.fireChannelUnregistered()
        self.eventLoop.execute {
            self.removeHandlers(pipeline: self.pipeline)
            self.closePromise.succeed()
        }
    }

    private func endOutput(_ error: any Error) {
        guard !self.hasOutputEnded else { return }
        self.hasOutputEnded = true
        let writes = self.unflushed
        self.unflushed = []
        for write in writes { write.promise?.fail(error) }
        if let peer = self.peer { peer.eventLoop.execute { peer.inputEnded() } }
    }

    // MARK: What only sockets do

    package func localAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
    package func remoteAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
    package func register0(promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }

    package func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    package func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    package func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    package func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    /// What no handler took ends here.
    package func channelRead0(_ data: NIOAny) {}
    package func errorCaught0(error: any Error) {}
}
