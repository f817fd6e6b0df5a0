import Foundation
import Testing

@testable import InAppCalling

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Numbers that a failed walk can be repeated with.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}

/// Everything around a call: the service, the media, the phone, a clock and a user. It checks what the machine does to
/// them, and offers what can happen next.
struct World {
    enum Media: Equatable { case off, joining(Int), running(Int), dropped(Int), leaving }
    enum Request: Equatable { case start, read(String, Int), rejoin(String, Int), end(String) }
    struct Violation: Error { let what: String }

    /// What the service answers, decoded once.
    struct Answers {
        let connection: CallConnection
        let problems: [Problem]
        let statuses: [String: CallStatus]

        init(_ examples: Examples) throws {
            connection = try examples.decode("StartedCall")
            problems = try examples.problems.map { try examples.decode($0) }
            statuses = [
                "QUEUED": try examples.decode("QueuedCall"), "CONNECTED": try examples.decode("ConnectedCall"),
                "ENDED": try examples.decode("EndedCall"),
            ]
        }
    }

    private(set) var machine = CallMachine()
    private let answers: Answers
    private var connection: CallConnection { answers.connection }
    private var problems: [Problem] { answers.problems }
    private var media = Media.off
    private var systemIsActive = false
    private var systemBegins = false
    private var asks = false
    private var isHeld = false
    private var requests: [Request] = []
    private var timers: [CallMachine.TimerName: (due: Duration, number: Int)] = [:]
    private var now = Duration.zero
    /// The state of the one call at the service; nil before it.
    private var call: String?
    private var starts = 0
    private var lastRead: Duration?
    // Put into words only for a walk that fails.
    private var events: [(Duration, CallMachine.Event, CallState)] = []

    var trace: String {
        events.suffix(40).map { "\($0) \(Self.short($1)) in \($2)" }.joined(separator: "\n")
    }

    init(_ answers: Answers) { self.answers = answers }

    var state: CallState { machine.state }
    var serviceHasCall: Bool { call != nil && call != "ENDED" }

    private mutating func require(_ holds: Bool, _ what: String) throws {
        guard holds else { throw Violation(what: "\(what):\n\(trace)") }
    }

    mutating func send(_ event: CallMachine.Event) throws {
        let before = machine.state
        events.append((now, event, before))
        switch event {
        case .setHeld(let held), .system(.held(let held)): isHeld = held
        default: break
        }
        let effects = machine.handle(event)
        for effect in effects { try perform(effect) }
        let after = machine.state
        if case .ended = before { try require(before == after && effects.isEmpty, "something after the end") }
        if before == .ending {
            if case .ended = after {} else { try require(after == .ending, "\(before) to \(after)") }
        }
        if before != .idle { try require(after != .idle, "back to idle") }
        if case .ended = after { try requireNothingLeft() }
    }

    func requireNothingLeftActive() throws {
        var copy = self
        try copy.requireNothingLeft()
    }

    private mutating func requireNothingLeft() throws {
        try require(media == .off, "media \(media)")
        try require(!systemIsActive && !systemBegins, "a call of the phone")
        try require(timers.isEmpty, "timers \(timers.keys)")
        // The other device has the call then.
        if state == .ended(.joinedElsewhere) { return }
        try require(!serviceHasCall || abandoned, "a call at the service")
    }

    /// The service could not be reached or did not end the call: the client has given up.
    private var abandoned = false

    private static func short(_ event: CallMachine.Event) -> String {
        switch event {
        case .startAnswer(.success): "startAnswer"
        case .rejoinAnswer(.success, _): "rejoinAnswer"
        default: "\(event)"
        }
    }

    private mutating func perform(_ effect: CallMachine.Effect) throws {
        switch effect {
        case .askForMicrophone:
            try require(!asks, "asks twice")
            asks = true
        case .beginSystemCall:
            try require(!systemBegins && !systemIsActive, "two calls of the phone")
            systemBegins = true
        case .report(let report):
            try require(systemIsActive == (report != .settled), "\(report) for a call of the phone")
            if case .ended = report { systemIsActive = false }
        case .start:
            starts += 1
            try require(starts == 1, "started twice")
            requests.append(.start)
        case .readStatus(let id, let number):
            requests.removeAll { if case .read = $0 { true } else { false } }
            requests.append(.read(id, number))
            lastRead = now
        case .rejoin(let id, let number):
            try require(media == .off, "rejoins beside media")
            requests.removeAll { if case .rejoin = $0 { true } else { false } }
            requests.append(.rejoin(id, number))
        case .end(let id):
            try require(!requests.contains(.end(id)), "ends twice at once")
            requests.append(.end(id))
        case .cancelRequests:
            requests.removeAll {
                switch $0 {
                case .read, .rejoin: true
                default: false
                }
            }
        case .join(_, let number):
            try require(media == .off, "two media sessions")
            try require(!isHeld, "joins during a hold")
            media = .joining(number)
        case .setMuted: break
        case .leave:
            try require(media != .off && media != .leaving, "leaves nothing")
            media = .leaving
        case .schedule(let name, let pause, let number): timers[name] = (now + pause, number)
        case .cancel(let name): timers[name] = nil
        case .sendDigits: try require(media != .off, "digits without audio")
        }
    }

    // MARK: What can happen

    private func status() -> CallStatus { answers.statuses[call ?? "ENDED"]! }

    private mutating func failure(_ random: inout Seeded) -> CallingError {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return .unreachable(.notConnectedToInternet)
        case 1: return .unusableAnswer(status: 502)
        default:
            let problem = problems.randomElement(using: &random)!
            if problem.remedy == .forgetCall, call != nil { call = "ENDED" }
            return .problem(problem)
        }
    }

    /// Answers a request; `well` without a fault.
    private mutating func answer(_ request: Request, well: Bool, _ random: inout Seeded) throws {
        requests.removeAll { $0 == request }
        let fails = !well && Int.random(in: 0..<3, using: &random) == 0
        switch request {
        case .start:
            if fails { return try send(.startAnswer(.failure(failure(&random)))) }
            call = "QUEUED"
            try send(.startAnswer(.success(connection)))
        case .read(_, let number):
            let result: Result<CallStatus, CallingError> = fails ? .failure(failure(&random)) : .success(status())
            try send(.statusAnswer(result, number: number))
        case .rejoin(_, let number):
            if fails || !serviceHasCall {
                let error = serviceHasCall ? failure(&random) : .problem(problems.first { $0.kind == .callEnded }!)
                return try send(.rejoinAnswer(.failure(error), number: number))
            }
            try send(.rejoinAnswer(.success(connection), number: number))
        case .end:
            if fails { abandoned = true } else { call = "ENDED" }
            try send(.endAnswer)
        }
    }

    private mutating func advance() throws {
        guard let (name, timer) = timers.min(by: { $0.value.due < $1.value.due }) else { return }
        now = max(now, timer.due)
        timers[name] = nil
        try send(.timer(name, number: timer.number))
    }

    private mutating func mediaHappens(well: Bool, _ random: inout Seeded) throws {
        let stops: [MediaStop] = [.endedByService, .joinedElsewhere, .full, .deviceSilent, .lost]
        let stop = MediaEvent.stopped(stops.randomElement(using: &random)!)
        func pick(_ events: [MediaEvent], _ random: inout Seeded) -> MediaEvent {
            well ? events[0] : events.randomElement(using: &random)!
        }
        switch media {
        case .off: break
        case .leaving:
            media = .off
            try send(.left)
        case .joining(let number): try mediaBecomes(pick([.started, .started, stop], &random), number)
        case .running(let number):
            try mediaBecomes(pick([.agentMayHaveJoined, .dropped, stop, stop], &random), number)
        case .dropped(let number): try mediaBecomes(pick([.recovered, stop], &random), number)
        }
    }

    private mutating func mediaBecomes(_ event: MediaEvent, _ number: Int) throws {
        switch event {
        case .started, .recovered: media = .running(number)
        case .dropped: media = .dropped(number)
        case .stopped: media = .off
        case .agentMayHaveJoined: break
        }
        try send(.media(event, number: number))
    }

    /// One thing at random, of all that can happen now.
    mutating func step(_ random: inout Seeded) throws {
        switch Int.random(in: 0..<13, using: &random) {
        case 0 where asks:
            asks = false
            try send(.microphone(granted: Int.random(in: 0..<9, using: &random) > 0))
        case 1 where systemBegins:
            systemBegins = false
            systemIsActive = Int.random(in: 0..<9, using: &random) > 0
            try send(.systemBegan(systemIsActive))
        case 2...5:
            if let request = requests.randomElement(using: &random) { try answer(request, well: false, &random) }
        case 6, 7: try mediaHappens(well: false, &random)
        case 8: try advance()
        case 9 where serviceHasCall:
            call = ["CONNECTED", "CONNECTED", "ENDED"].randomElement(using: &random)
        case 10 where systemIsActive || systemBegins:
            let events: [SystemEvent] = [
                .audioActivated, .audioActivated, .audioActivated, .audioDeactivated, .muted(true), .muted(false),
                .held(true), .held(false), .digits("1"), .ended,
            ]
            try send(.system(events.randomElement(using: &random)!))
        case 11:
            switch Int.random(in: 0..<12, using: &random) {
            case 0: try send(.hangUp)
            case 1...3: try send(.setMuted(Bool.random(using: &random)))
            case 4...6: try send(.setHeld(Bool.random(using: &random)))
            default: try send(.start(StartCallRequest(), key: "second tap"))
            }
        // What comes too late: of an earlier join, an earlier request, a cancelled timer.
        case 12:
            let number = Int.random(in: 0..<4, using: &random)
            let late: [CallMachine.Event] = [
                .media(.stopped(.lost), number: -number), .media(.started, number: -number),
                .statusAnswer(.success(status()), number: -number), .timer(.patience, number: -number),
                .rejoinAnswer(.success(connection), number: -number), .timer(.poll, number: -number),
            ]
            try send(late.randomElement(using: &random)!)
        default: break
        }
    }

    /// From now on nothing fails: everything is answered, and the clock runs.
    mutating func goWell(_ random: inout Seeded, activates: Bool = true) throws {
        for _ in 0..<60 {
            if asks {
                asks = false
                try send(.microphone(granted: true))
            }
            if systemBegins {
                systemBegins = false
                systemIsActive = true
                try send(.systemBegan(true))
            }
            if systemIsActive, activates { try send(.system(.audioActivated)) }
            for request in requests { try answer(request, well: true, &random) }
            switch media {
            case .joining, .dropped, .leaving: try mediaHappens(well: true, &random)
            default: break
            }
            try advance()
        }
    }
}

@Suite("Interleavings", .timeLimit(.minutes(5))) struct CallMachineTests {
    static let walks: UInt64 = 4_000

    let answers: World.Answers

    init() throws { answers = try World.Answers(Examples()) }

    private func walk(_ seed: UInt64, _ random: inout Seeded) throws -> World {
        var world = World(answers)
        try world.send(
            seed % 8 == 0 ? .resume("8f14e45f-ceea-467f-a2d6-5f1c6f2b9c11") : .start(StartCallRequest(), key: "tap"))
        for _ in 0..<Int.random(in: 0..<90, using: &random) { try world.step(&random) }
        return world
    }

    @Test func whereverTheUserHangsUpNothingIsLeftActive() throws {
        var reached: Set<String> = []
        for seed in 1...Self.walks {
            var random = Seeded(seed)
            var world = try walk(seed, &random)
            reached.insert(String("\(world.state)".prefix { $0 != "(" }))
            try world.send(.hangUp)
            try world.goWell(&random)
            guard case .ended = world.state else {
                Issue.record("seed \(seed) stays \(world.state): \(world.trace)")
                return
            }
            try world.requireNothingLeftActive()
        }
        // The walks do get about.
        #expect(
            reached == [
                "askingForMicrophone", "starting", "joining", "waiting", "connected", "held", "reconnecting",
                "rejoining",
                "ending", "ended",
            ])
    }

    @Test func fromWhereverTheCallGoesOnOrEnds() throws {
        for seed in 1...Self.walks {
            var random = Seeded(seed)
            var world = try walk(seed, &random)
            try world.goWell(&random)
            try world.send(.setHeld(false))
            try world.goWell(&random)
            switch world.state {
            case .connected, .ended: break
            case .waiting: #expect(world.serviceHasCall)
            default:
                Issue.record("seed \(seed) is stuck in \(world.state): \(world.trace)")
                return
            }
        }
    }

    @Test func anEndOfTheServiceEndsEveryCall() throws {
        for seed in 1...Self.walks {
            var random = Seeded(seed)
            var world = try walk(seed, &random)
            guard world.serviceHasCall else { continue }
            try world.endAtService(&random)
            guard case .ended = world.state else {
                Issue.record("seed \(seed) stays \(world.state): \(world.trace)")
                return
            }
        }
    }

    @Test func withoutAudioFromTheSystemTheCallEnds() throws {
        var random = Seeded(1)
        var world = World(answers)
        try world.send(.start(StartCallRequest(), key: "tap"))
        try world.goWell(&random, activates: false)
        #expect(world.state == .ended(.refusedBySystem))
    }
}

extension World {
    /// The service ends the call; the media stop with it, as Connect has it.
    mutating func endAtService(_ random: inout Seeded) throws {
        call = "ENDED"
        if case .running(let number) = media { try stop(number) }
        if case .joining(let number) = media { try stop(number) }
        if case .dropped(let number) = media { try stop(number) }
        try goWell(&random)
        // A held call that lost its audio, or none at all, has only the reading of its status.
        try goWell(&random)
    }

    private mutating func stop(_ number: Int) throws {
        media = .off
        try send(.media(.stopped(.endedByService), number: number))
    }
}
