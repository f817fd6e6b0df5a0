import Foundation

/// The states of one call and what leads from one to the next; it performs nothing itself.
///
/// Taps, answers, the media's and the system's events and the timers come in any order. An event that a later one has
/// overtaken changes nothing.
struct CallMachine {
    enum Event: Sendable {
        case start(StartCallRequest, key: String)
        case resume(String)
        case hangUp
        case setMuted(Bool)
        case setHeld(Bool)
        case microphone(granted: Bool)
        case systemBegan(Bool)
        case system(SystemEvent)
        case startAnswer(Result<CallConnection, CallingError>)
        case rejoinAnswer(Result<CallConnection, CallingError>, number: Int)
        case statusAnswer(Result<CallStatus, CallingError>, number: Int)
        case endAnswer
        case media(MediaEvent, number: Int)
        case left
        case timer(TimerName, number: Int)
    }

    enum Effect: Sendable, Equatable {
        case askForMicrophone
        case beginSystemCall
        case report(SystemReport)
        case start(StartCallRequest, key: String)
        case readStatus(String, number: Int)
        case rejoin(String, number: Int)
        case end(String)
        /// Of reading and rejoining, not of starting and ending.
        case cancelRequests
        case join(CallConnection, number: Int)
        case setMuted(Bool)
        case leave
        /// Replaces the timer of this name.
        case schedule(TimerName, after: Duration, number: Int)
        case cancel(TimerName)
        case sendDigits(String, to: String)
    }

    enum TimerName: Hashable, Sendable, CaseIterable {
        /// The next reading of the status.
        case poll
        /// The next attempt to rejoin.
        case rejoin
        /// The system activates no audio, or the media do not start.
        case patience
        /// The audio has run long enough for lost connections to count anew.
        case stable
    }

    enum Phase: Equatable {
        case idle, asking, beginning, starting
        /// There is a connection, and the system has not activated the audio.
        case activating(CallConnection)
        case joining, inCall, reconnecting
        /// The audio has stopped, perhaps because the call has ended.
        case checking
        /// Before an attempt to rejoin.
        case pausing
        case rejoining
        /// The place in the call is lost until an agent has taken it.
        case waitingForAgent
        /// The audio has stopped during a hold.
        case lostOnHold
        case ending(CallState.EndReason)
        case ended(CallState.EndReason)
    }

    /// What must be done before a call has ended.
    private enum Outstanding: Hashable {
        case begin, start, end, leave
    }

    private(set) var phase = Phase.idle
    private(set) var contactID: String?
    private(set) var isMuted = false
    private var isHeld = false
    private var audioIsActive = false
    private var systemCallBegan = false
    private var mediaRuns = false
    /// Whether the audio has ever run, or the call is an earlier one.
    private var comesBack = false
    private var origin: Event?
    private var wait = CallState.Wait()
    private var pollPause = Self.pollPause
    private var connectedAt: Date?
    private var isConnected = false
    private var outstanding: Set<Outstanding> = []
    private var rejoins = 0
    private var timers: [TimerName: Int] = [:]
    private var lastNumber = 0
    private var joinNumber = 0
    private var statusNumber = 0
    private var rejoinNumber = 0
    private var effects: [Effect] = []

    /// The pause between two readings, until the service names one: the firewall refuses an address that sends too many
    /// requests.
    static let pollPause = Duration.seconds(10)
    /// The pauses before the attempts to rejoin. Connect keeps a caller's place for a minute.
    static let rejoinPauses: [Duration] = [.seconds(1), .seconds(2), .seconds(4)]
    static let activationPatience = Duration.seconds(10)
    /// A call must be joined within a minute of its start.
    static let joinPatience = Duration.seconds(45)
    static let stableAfter = Duration.seconds(60)

    var state: CallState {
        switch phase {
        case .idle: .idle
        case .asking: .askingForMicrophone
        case .beginning, .starting: .starting
        case .activating, .joining: comesBack ? .rejoining : .joining
        case .inCall:
            isHeld ? .held : isConnected ? .connected(since: connectedAt) : .waiting(wait)
        case .reconnecting: .reconnecting
        case .checking, .pausing, .rejoining, .waitingForAgent: .rejoining
        case .lostOnHold: .held
        case .ending: .ending
        case .ended(let reason): .ended(reason)
        }
    }

    /// Where digits can be sent to.
    var reachable: String? {
        switch phase {
        case .inCall, .reconnecting: contactID
        default: nil
        }
    }

    mutating func handle(_ event: Event) -> [Effect] {
        effects = []
        switch event {
        case .start, .resume: begin(event)
        case .hangUp: finish(.hungUp)
        case .setMuted(let muted): mute(muted, shown: false)
        case .setHeld(let held): hold(held, shown: false)
        case .microphone(let granted): microphoneAnswered(granted)
        case .systemBegan(let began): systemAnswered(began)
        case .system(let event): systemHappened(event)
        case .startAnswer(let result): startAnswered(result)
        case .rejoinAnswer(let result, let number): rejoinAnswered(result, number)
        case .statusAnswer(let result, let number): statusAnswered(result, number)
        case .endAnswer: settle(.end)
        case .media(let event, let number): mediaHappened(event, number)
        case .left: settle(.leave)
        case .timer(let name, let number): timerFired(name, number)
        }
        return effects
    }

    // MARK: The beginning

    private mutating func begin(_ event: Event) {
        guard phase == .idle else { return }
        origin = event
        if case .resume(let id) = event {
            contactID = id
            comesBack = true
        }
        phase = .asking
        effects.append(.askForMicrophone)
    }

    private mutating func microphoneAnswered(_ granted: Bool) {
        guard phase == .asking else { return }
        guard granted else { return finish(.microphoneDenied) }
        phase = .beginning
        outstanding.insert(.begin)
        effects.append(.beginSystemCall)
    }

    private mutating func systemAnswered(_ began: Bool) {
        systemCallBegan = began
        if case .ending(let reason) = phase {
            if began { effects.append(.report(.ended(reason))) }
        } else if phase == .beginning {
            outstanding.remove(.begin)
            guard began else { return finish(.refusedBySystem) }
            switch origin {
            case .start(let request, let key):
                phase = .starting
                outstanding.insert(.start)
                effects.append(.start(request, key: key))
            default: requestConnection()
            }
        }
        settle(.begin)
    }

    private mutating func startAnswered(_ result: Result<CallConnection, CallingError>) {
        outstanding.remove(.start)
        switch (phase, result) {
        case (.starting, .success(let connection)):
            contactID = connection.contactID
            join(connection)
        case (.starting, .failure(let error)): finish(CallState.EndReason(error))
        case (.ending, .success(let connection)):
            // The user has hung up meanwhile.
            contactID = connection.contactID
            endCall()
        default: break
        }
        settle(.start)
    }

    // MARK: The audio

    private mutating func join(_ connection: CallConnection) {
        if isHeld {
            loseOnHold()
        } else if audioIsActive {
            phase = .joining
            mediaRuns = true
            joinNumber = newNumber()
            schedule(.patience, after: Self.joinPatience)
            effects.append(.join(connection, number: joinNumber))
        } else {
            phase = .activating(connection)
            schedule(.patience, after: Self.activationPatience)
        }
    }

    private mutating func mediaHappened(_ event: MediaEvent, _ number: Int) {
        guard mediaRuns, number == joinNumber else { return }
        switch (event, phase) {
        case (.started, .joining):
            phase = .inCall
            comesBack = true
            cancel(.patience)
            schedule(.stable, after: Self.stableAfter)
            applyMute()
            if !isConnected { readStatus() }
        case (.dropped, .inCall): phase = .reconnecting
        case (.recovered, .reconnecting), (.started, .reconnecting):
            phase = .inCall
            applyMute()
        case (.agentMayHaveJoined, .inCall) where !isConnected && timers[.poll] != nil: readStatus()
        case (.stopped(let stop), _): mediaStopped(stop)
        default: break
        }
    }

    private mutating func mediaStopped(_ stop: MediaStop) {
        mediaRuns = false
        cancel(.patience)
        cancel(.stable)
        switch stop {
        case .joinedElsewhere: finish(.joinedElsewhere, endsCall: false)
        case .full: finish(.connectionLost)
        case .endedByService:
            phase = .checking
            readStatus()
        case .deviceSilent, .lost: pauseBeforeRejoin()
        }
    }

    private mutating func applyMute() {
        effects.append(.setMuted(isMuted || isHeld))
    }

    private var audioRuns: Bool { phase == .inCall || phase == .reconnecting }

    // MARK: Coming back

    private mutating func pauseBeforeRejoin() {
        if isHeld { return loseOnHold() }
        guard rejoins < Self.rejoinPauses.count else { return finish(.connectionLost) }
        phase = .pausing
        schedule(.rejoin, after: Self.rejoinPauses[rejoins])
        rejoins += 1
    }

    private mutating func loseOnHold() {
        phase = .lostOnHold
        cancel(.rejoin)
        cancel(.patience)
        // The call may end meanwhile.
        schedule(.poll, after: pollPause)
    }

    private mutating func requestConnection() {
        guard let contactID else { return }
        phase = .rejoining
        rejoinNumber = newNumber()
        effects.append(.rejoin(contactID, number: rejoinNumber))
    }

    private mutating func rejoinAnswered(_ result: Result<CallConnection, CallingError>, _ number: Int) {
        guard phase == .rejoining, number == rejoinNumber else { return }
        switch result {
        case .success(let connection): join(connection)
        case .failure(.problem(let problem)):
            switch problem.remedy {
            case .waitForAgent:
                phase = .waitingForAgent
                schedule(.poll, after: pollPause)
            case .forgetCall: finish(.endedByService, endsCall: false)
            case .tryLater, .rejoin: pauseBeforeRejoin()
            case _ where problem.status >= 500: pauseBeforeRejoin()
            default: finish(.refused(problem))
            }
        case .failure(.unreachable), .failure(.unusableAnswer): pauseBeforeRejoin()
        case .failure(let error): finish(CallState.EndReason(error))
        }
    }

    // MARK: The status

    private mutating func readStatus() {
        guard let contactID else { return }
        cancel(.poll)
        statusNumber = newNumber()
        effects.append(.readStatus(contactID, number: statusNumber))
    }

    private mutating func statusAnswered(_ result: Result<CallStatus, CallingError>, _ number: Int) {
        guard number == statusNumber, !isOver else { return }
        switch result {
        case .success(let status):
            guard status.progress != .ended else { return finish(.endedByService, endsCall: false) }
            wait = CallState.Wait(
                since: status.queuedAt ?? wait.since, position: status.position, positionAt: status.positionAt,
                expected: status.expectedWait)
            pollPause = status.askAgainAfter ?? Self.pollPause
            connectedAt = status.connectedAt ?? connectedAt
            if status.progress == .connected, !isConnected {
                isConnected = true
                effects.append(.report(.connected(connectedAt)))
            }
        case .failure(.problem(let problem)) where problem.remedy == .forgetCall:
            return finish(.endedByService, endsCall: false)
        case .failure: break
        }
        switch phase {
        case .checking: pauseBeforeRejoin()
        case .waitingForAgent where isConnected: requestConnection()
        case .inCall where isConnected, .reconnecting where isConnected: break
        case .inCall, .reconnecting, .waitingForAgent, .lostOnHold: schedule(.poll, after: pollPause)
        default: break
        }
    }

    // MARK: Mute, hold, digits

    private mutating func mute(_ muted: Bool, shown: Bool) {
        guard !isOver, muted != isMuted else { return }
        isMuted = muted
        if !shown, systemCallBegan { effects.append(.report(.muted(muted))) }
        if audioRuns { applyMute() }
    }

    private mutating func hold(_ held: Bool, shown: Bool) {
        guard !isOver, held != isHeld else { return }
        isHeld = held
        if !shown, systemCallBegan { effects.append(.report(.held(held))) }
        if audioRuns { applyMute() }
        switch phase {
        case .lostOnHold where !held:
            cancel(.poll)
            requestConnection()
        case .activating where held: loseOnHold()
        case .pausing where held: loseOnHold()
        default: break
        }
    }

    private mutating func systemHappened(_ event: SystemEvent) {
        switch event {
        case .audioActivated:
            audioIsActive = true
            if case .activating(let connection) = phase { join(connection) }
        case .audioDeactivated: audioIsActive = false
        case .muted(let muted): mute(muted, shown: true)
        case .held(let held): hold(held, shown: true)
        case .digits(let digits): if let reachable { effects.append(.sendDigits(digits, to: reachable)) }
        case .ended: finish(.hungUp)
        }
    }

    // MARK: Timers

    private mutating func timerFired(_ name: TimerName, _ number: Int) {
        guard timers[name] == number else { return }
        timers[name] = nil
        switch (name, phase) {
        case (.poll, .inCall), (.poll, .reconnecting), (.poll, .waitingForAgent), (.poll, .lostOnHold): readStatus()
        case (.rejoin, .pausing): requestConnection()
        case (.stable, _): rejoins = 0
        case (.patience, .activating(let connection)):
            // After a hold the system may activate the audio without saying so.
            guard comesBack else { return finish(.refusedBySystem) }
            audioIsActive = true
            join(connection)
        case (.patience, .joining): finish(.connectionLost)
        default: break
        }
    }

    private mutating func schedule(_ name: TimerName, after pause: Duration) {
        let number = newNumber()
        timers[name] = number
        effects.append(.schedule(name, after: pause, number: number))
    }

    private mutating func cancel(_ name: TimerName) {
        guard timers.removeValue(forKey: name) != nil else { return }
        effects.append(.cancel(name))
    }

    private mutating func newNumber() -> Int {
        lastNumber += 1
        return lastNumber
    }

    // MARK: The end

    private var isOver: Bool {
        switch phase {
        case .ending, .ended: true
        default: false
        }
    }

    private mutating func finish(_ reason: CallState.EndReason, endsCall: Bool = true) {
        guard !isOver else { return }
        phase = .ending(reason)
        for name in TimerName.allCases { cancel(name) }
        effects.append(.cancelRequests)
        if mediaRuns {
            mediaRuns = false
            outstanding.insert(.leave)
            effects.append(.leave)
        }
        if endsCall { endCall() }
        if systemCallBegan { effects.append(.report(.ended(reason))) }
        settle(nil)
    }

    private mutating func endCall() {
        guard let contactID else { return }
        outstanding.insert(.end)
        effects.append(.end(contactID))
    }

    private mutating func settle(_ done: Outstanding?) {
        if let done { outstanding.remove(done) }
        guard case .ending(let reason) = phase, outstanding.isEmpty else { return }
        phase = .ended(reason)
        if systemCallBegan { effects.append(.report(.settled)) }
    }
}
