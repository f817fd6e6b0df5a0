import Foundation

/// One call, from the tap to its end.
///
/// Create one for each call, call ``start(_:)`` or ``resume(_:)`` once, and show ``states()``. Whatever happens, the
/// session comes to ``CallState/ended(_:)``, and then nothing of the call is left active: no audio, no call of the
/// phone and, unless the service cannot be reached, no call at the service.
public actor CallSession {
    private let client: CallingClient
    private let media: any CallMedia
    private let system: any SystemCall
    private let clock: any Clock<Duration>
    private var machine = CallMachine()
    private var stateListeners: [UUID: AsyncStream<CallState>.Continuation] = [:]
    private var muteListeners: [UUID: AsyncStream<Bool>.Continuation] = [:]
    private var timers: [CallMachine.TimerName: Task<Void, Never>] = [:]
    private var reading: Task<Void, Never>?
    private var rejoining: Task<Void, Never>?
    private var systemEvents: Task<Void, Never>?
    private var mediaEvents: Task<Void, Never>?
    private let mediaWork = OneByOne()
    private let systemWork = OneByOne()

    public init(
        client: CallingClient, media: any CallMedia, system: any SystemCall = NoSystemCall(),
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.client = client
        self.media = media
        self.system = system
        self.clock = clock
    }

    /// The present state.
    public var state: CallState { machine.state }
    /// Whether the user has muted the microphone.
    public var isMuted: Bool { machine.isMuted }
    /// The call's id, once the service has answered. An app that keeps it until the call has ended can ``resume(_:)``
    /// after it was killed.
    public var contactID: String? { machine.contactID }

    /// The present state and all that follow; the stream ends with the call.
    public func states() -> AsyncStream<CallState> {
        let id = UUID()
        return AsyncStream { continuation in
            continuation.yield(machine.state)
            if case .ended = machine.state { return continuation.finish() }
            stateListeners[id] = continuation
            continuation.onTermination = { [weak self] _ in Task { await self?.forget(id) } }
        }
    }

    /// Whether the microphone is muted, now and on each change: also by the system's screen. Ends with the call.
    public func mutes() -> AsyncStream<Bool> {
        let id = UUID()
        return AsyncStream { continuation in
            continuation.yield(machine.isMuted)
            if case .ended = machine.state { return continuation.finish() }
            muteListeners[id] = continuation
            continuation.onTermination = { [weak self] _ in Task { await self?.forget(id) } }
        }
    }

    /// Starts a call. Returns at once; ``states()`` has what comes of it. Does nothing a second time.
    public func start(_ request: StartCallRequest = StartCallRequest()) {
        handle(.start(request, key: CallingClient.newKey()))
    }

    /// Comes back into a call that an earlier launch of the app has started, or that ``Problem/Remedy/resumeOrEnd(contactID:)``
    /// names.
    public func resume(_ contactID: String) {
        handle(.resume(contactID))
    }

    /// Hangs up, at any moment. Before the call it ends the session.
    public func hangUp() {
        handle(.hangUp)
    }

    public func setMuted(_ muted: Bool) {
        handle(.setMuted(muted))
    }

    /// Holds the call or goes on with it. After another call that its far side has ended the system says nothing: the
    /// screen offers to go on.
    public func setHeld(_ held: Bool) {
        handle(.setHeld(held))
    }

    /// Sends DTMF digits: `0-9 * #`, and a comma for a pause. Does nothing without audio.
    public func sendDigits(_ digits: String) async throws {
        guard let contactID = machine.reachable else { return }
        try await client.sendDigits(digits, to: contactID)
    }

    private func forget(_ id: UUID) {
        stateListeners[id] = nil
        muteListeners[id] = nil
    }

    private func handle(_ event: CallMachine.Event) {
        let (state, isMuted) = (machine.state, machine.isMuted)
        let effects = machine.handle(event)
        for effect in effects { perform(effect) }
        if machine.isMuted != isMuted {
            for listener in muteListeners.values { listener.yield(machine.isMuted) }
        }
        guard machine.state != state else { return }
        for listener in stateListeners.values { listener.yield(machine.state) }
        if case .ended = machine.state { tidyUp() }
    }

    private func tidyUp() {
        for listener in stateListeners.values { listener.finish() }
        for listener in muteListeners.values { listener.finish() }
        systemEvents?.cancel()
        mediaEvents?.cancel()
    }

    private func perform(_ effect: CallMachine.Effect) {
        switch effect {
        case .askForMicrophone:
            mediaWork.add { [media] in
                let granted = await media.requestMicrophone()
                await self.handle(.microphone(granted: granted))
            }
        case .beginSystemCall: beginSystemCall()
        case .report(let report):
            systemWork.add { [system] in await system.report(report) }
        case .join(let connection, let number): join(connection, number)
        case .setMuted(let muted):
            mediaWork.add { [media] in await media.setMuted(muted) }
        case .leave:
            mediaWork.add { [media] in
                await media.leave()
                await self.handle(.left)
            }
        case .schedule(let name, let pause, let number):
            timers[name]?.cancel()
            timers[name] = Task { [clock] in
                guard (try? await clock.sleep(for: pause)) != nil else { return }
                handle(.timer(name, number: number))
            }
        case .cancel(let name): timers.removeValue(forKey: name)?.cancel()
        default: request(effect)
        }
    }

    private func request(_ effect: CallMachine.Effect) {
        switch effect {
        case .start(let request, let key):
            Task {
                handle(.startAnswer(await result { try await client.startCall(request, key: key) }))
            }
        case .end(let contactID):
            Task {
                // Whatever the answer: the client has repeated the request as long as that could help.
                _ = await result { try await client.endCall(contactID) }
                handle(.endAnswer)
            }
        case .readStatus(let contactID, let number):
            reading?.cancel()
            reading = Task {
                let result = await result { try await client.status(of: contactID) }
                handle(.statusAnswer(result, number: number))
            }
        case .rejoin(let contactID, let number):
            rejoining?.cancel()
            rejoining = Task {
                let result = await result { try await client.rejoinCall(contactID) }
                handle(.rejoinAnswer(result, number: number))
            }
        case .sendDigits(let digits, let contactID):
            Task { try? await client.sendDigits(digits, to: contactID) }
        case .cancelRequests:
            reading?.cancel()
            rejoining?.cancel()
        default: break
        }
    }

    private func result<Value: Sendable>(_ operation: () async throws -> Value) async -> Result<Value, CallingError> {
        do {
            return .success(try await operation())
        } catch let error as CallingError {
            return .failure(error)
        } catch {
            // Cancelled: nobody waits for it any more.
            return .failure(.unreachable(.cancelled))
        }
    }

    private func beginSystemCall() {
        systemWork.add { [system] in
            do {
                let events = try await system.begin()
                await self.follow(events)
                await self.handle(.systemBegan(true))
            } catch {
                await self.handle(.systemBegan(false))
            }
        }
    }

    private func follow(_ events: AsyncStream<SystemEvent>) {
        systemEvents = Task {
            for await event in events { handle(.system(event)) }
        }
    }

    private func join(_ connection: CallConnection, _ number: Int) {
        mediaWork.add { [media] in
            await self.follow(await media.join(connection), number)
        }
    }

    private func follow(_ events: AsyncStream<MediaEvent>, _ number: Int) {
        mediaEvents = Task {
            for await event in events { handle(.media(event, number: number)) }
            // After a stop this changes nothing.
            handle(.media(.stopped(.lost), number: number))
        }
    }
}

/// Runs what is added to it in that order, one after the other.
private final class OneByOne: Sendable {
    private let work: AsyncStream<@Sendable () async -> Void>.Continuation

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: (@Sendable () async -> Void).self)
        work = continuation
        Task {
            for await step in stream { await step() }
        }
    }

    deinit {
        work.finish()
    }

    func add(_ step: @escaping @Sendable () async -> Void) {
        work.yield(step)
    }
}
