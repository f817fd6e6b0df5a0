import InAppCalling

/// Audio that a test or a preview moves by hand.
public actor FakeMedia: CallMedia {
    public var grantsMicrophone: Bool
    /// Whether a join starts by itself.
    public var startsAtOnce: Bool
    public private(set) var isMuted = false
    public private(set) var joins = 0
    /// Whether audio runs or is being connected.
    public var isActive: Bool { events != nil }

    private var events: AsyncStream<MediaEvent>.Continuation?

    public init(grantsMicrophone: Bool = true, startsAtOnce: Bool = true) {
        self.grantsMicrophone = grantsMicrophone
        self.startsAtOnce = startsAtOnce
    }

    /// Lets something happen to the audio.
    public func happen(_ event: MediaEvent) {
        events?.yield(event)
        if case .stopped = event { stop() }
    }

    public func requestMicrophone() -> Bool { grantsMicrophone }

    public func join(_ connection: CallConnection) -> AsyncStream<MediaEvent> {
        stop()
        let (stream, continuation) = AsyncStream.makeStream(of: MediaEvent.self)
        events = continuation
        isMuted = false
        joins += 1
        if startsAtOnce { continuation.yield(.started) }
        return stream
    }

    public func leave() { stop() }

    public func setMuted(_ muted: Bool) { isMuted = muted }

    private func stop() {
        events?.finish()
        events = nil
    }
}
