import InAppCalling

/// A phone whose user is a test or a preview.
public actor FakeSystemCall: SystemCall {
    /// What the phone refuses a call with.
    public struct Refused: Error {}

    public private(set) var reports: [SystemReport] = []
    public private(set) var isActive = false

    private let refuses: Bool
    private let activatesAudio: Bool
    private var events: AsyncStream<SystemEvent>.Continuation?

    public init(refuses: Bool = false, activatesAudio: Bool = true) {
        self.refuses = refuses
        self.activatesAudio = activatesAudio
    }

    /// Lets the system, or its user, do something.
    public func happen(_ event: SystemEvent) {
        events?.yield(event)
    }

    public func begin() throws -> AsyncStream<SystemEvent> {
        if refuses { throw Refused() }
        let (stream, continuation) = AsyncStream.makeStream(of: SystemEvent.self)
        events = continuation
        isActive = true
        if activatesAudio { continuation.yield(.audioActivated) }
        return stream
    }

    public func report(_ report: SystemReport) {
        reports.append(report)
        guard case .ended = report else { return }
        isActive = false
        events?.finish()
        events = nil
    }
}
