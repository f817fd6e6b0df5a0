import Foundation
import InAppCalling
import InAppCallingFakes
import Testing

@Suite("A session", .timeLimit(.minutes(1))) struct CallSessionTests {
    let service = FakeService()
    let media = FakeMedia()
    let system = FakeSystemCall()
    let clock = FakeClock()

    func session(media: FakeMedia? = nil, system: (any SystemCall)? = nil) -> CallSession {
        let client = CallingClient(
            apiURL: URL(string: "https://example.invalid/v1")!, transport: service, clock: clock, jitter: { 1 }
        ) { _ in "token" }
        return CallSession(
            client: client, media: media ?? self.media, system: system ?? self.system, clock: clock)
    }

    /// Waits until the session is in such a state; the clock runs meanwhile if `clockRuns`.
    @discardableResult
    func wait(
        _ session: CallSession, clockRuns: Bool = false, until holds: @Sendable (CallState) -> Bool
    ) async -> CallState {
        while true {
            let state = await session.state
            if holds(state) { return state }
            if clockRuns, let pause = clock.untilNextWake { clock.advance(by: pause) }
            if case .ended = state { return state }
            await Task.yield()
        }
    }

    /// Waits until something holds that no state shows.
    func eventually(_ holds: () async -> Bool) async {
        while await !holds() { await Task.yield() }
    }

    func inQueue(_ session: CallSession) async {
        await session.start()
        await wait(session) { if case .waiting(let known) = $0 { known.since != nil } else { false } }
    }

    @Test func aCallGoesThroughItsStates() async throws {
        let session = session()
        let states = await session.states()
        await session.start(StartCallRequest(topic: "billing"))
        await wait(session) { if case .waiting(let known) = $0 { known.since != nil } else { false } }
        await service.move(to: "CONNECTED")
        await wait(session, clockRuns: true) { if case .connected = $0 { true } else { false } }
        await session.hangUp()
        var seen: [CallState] = []
        for await state in states { seen.append(state) }
        let names = seen.map { String("\($0)".prefix { $0 != "(" }) }
        #expect(
            names == [
                "idle", "askingForMicrophone", "starting", "joining", "waiting", "waiting", "connected", "ending",
                "ended",
            ])
        #expect(seen.last == .ended(.hungUp))
        #expect(await service.activeCall == nil)
        #expect(await !media.isActive)
        await eventually { await system.reports.last == .settled }
        #expect(await system.reports.count == 3)
        #expect(await !system.isActive)
    }

    @Test func aCallIsReadEveryTenSecondsUntilItIsConnected() async throws {
        let session = session()
        await inQueue(session)
        #expect(await service.requests.count == 2)
        await eventually { clock.untilNextWake == .seconds(10) }
        clock.advance(by: .seconds(10))
        await eventually { await service.requests.count == 3 }
        await service.move(to: "CONNECTED")
        await wait(session, clockRuns: true) { if case .connected = $0 { true } else { false } }
        let requests = await service.requests.count
        clock.advance(by: .seconds(600))
        for _ in 0..<100 { await Task.yield() }
        #expect(await service.requests.count == requests)
        await session.hangUp()
    }

    @Test func hangingUpDuringTheStartEndsTheCallThatComes() async throws {
        await service.fail(.startCall, .cut)
        let session = session()
        await session.start()
        await eventually { clock.sleeping == 1 }
        await session.hangUp()
        #expect(await session.state == .ending)
        await wait(session, clockRuns: true) { $0 == .ended(.hungUp) }
        #expect(await service.started == 1)
        #expect(await service.activeCall == nil)
    }

    @Test func aWaitHasItsPositionAndItsLength() async throws {
        await service.wait(position: 3, expectedSeconds: 90)
        let session = session()
        await inQueue(session)
        guard case .waiting(let wait) = await session.state else { throw CancellationError() }
        #expect(wait.position == 3)
        #expect(wait.positionAt != nil)
        #expect(wait.expected == .seconds(90))
        // What the next reading does not have is not known any more.
        await service.wait(position: nil, expectedSeconds: 60)
        await self.wait(session, clockRuns: true) {
            if case .waiting(let next) = $0 { next.expected == .seconds(60) && next.position == nil } else { false }
        }
        await session.hangUp()
        await self.wait(session) { $0 == .ended(.hungUp) }
    }

    @Test func lostAudioComesBackIntoTheSameCall() async throws {
        let session = session()
        await inQueue(session)
        await media.happen(.dropped)
        await wait(session) { $0 == .reconnecting }
        await media.happen(.stopped(.lost))
        await wait(session) { $0 == .rejoining }
        await wait(session, clockRuns: true) { if case .waiting = $0 { true } else { false } }
        #expect(await media.joins == 2)
        #expect(await service.started == 1)
        await session.hangUp()
        await wait(session) { $0 == .ended(.hungUp) }
    }

    @Test func anotherCallOfThePhoneMutesAndKeepsTheCall() async throws {
        let session = session()
        await inQueue(session)
        await system.happen(.held(true))
        await wait(session) { $0 == .held }
        await eventually { await media.isMuted }
        await media.happen(.stopped(.deviceSilent))
        await session.setHeld(false)
        await eventually {
            if let pause = clock.untilNextWake { clock.advance(by: pause) }
            return await media.joins == 2
        }
        await wait(session) { if case .waiting = $0 { true } else { false } }
        await eventually { await !media.isMuted }
        await session.hangUp()
        await wait(session) { $0 == .ended(.hungUp) }
    }

    @Test func muteIsOneForTheAppAndThePhone() async throws {
        let session = session()
        await inQueue(session)
        let mutes = await session.mutes()
        await session.setMuted(true)
        await eventually { await media.isMuted }
        await eventually { await system.reports.contains(.muted(true)) }
        await system.happen(.muted(false))
        await eventually { await !media.isMuted }
        await session.hangUp()
        var seen: [Bool] = []
        for await muted in mutes { seen.append(muted) }
        #expect(seen == [false, true, false])
    }

    @Test func digitsOfTheAppAndOfThePhoneAreSent() async throws {
        let session = session()
        try await session.sendDigits("9")
        await inQueue(session)
        try await session.sendDigits("1")
        await system.happen(.digits("#"))
        await eventually { await service.digits == "1#" }
        await session.hangUp()
    }

    @Test func aRefusedStartSaysWhatTheAppCanDo() async throws {
        await service.fail(
            .startCall, .problem("call-active", status: 409, members: ["ContactId": "call-0"]))
        let session = session()
        await session.start()
        let state = await wait(session) { if case .ended = $0 { true } else { false } }
        guard case .ended(.refused(let problem)) = state else {
            Issue.record("\(state)")
            return
        }
        #expect(problem.remedy == .resumeOrEnd(contactID: "call-0"))
        #expect(await service.requests.map(\.method) == ["POST"])
    }

    @Test func aDeniedMicrophoneStartsNothing() async throws {
        let session = session(media: FakeMedia(grantsMicrophone: false))
        await session.start()
        await wait(session) { $0 == .ended(.microphoneDenied) }
        #expect(await service.requests.isEmpty)
        #expect(await !system.isActive)
    }

    @Test func aPhoneThatRefusesStartsNothing() async throws {
        let session = session(system: FakeSystemCall(refuses: true))
        await session.start()
        await wait(session) { $0 == .ended(.refusedBySystem) }
        #expect(await service.requests.isEmpty)
    }

    @Test func anAppComesBackAfterItWasKilled() async throws {
        let first = session()
        await inQueue(first)
        let id = try #require(await first.contactID)
        await service.move(to: "CONNECTED")
        let second = session(media: FakeMedia(), system: NoSystemCall())
        await second.resume(id)
        await wait(second, clockRuns: true) { if case .connected = $0 { true } else { false } }
        #expect(await service.started == 1)
        await second.hangUp()
        await wait(second) { $0 == .ended(.hungUp) }
        await first.hangUp()
        let third = session(media: FakeMedia(), system: NoSystemCall())
        await third.resume(id)
        await wait(third) { $0 == .ended(.endedByService) }
    }

    @Test func theAgentHangsUp() async throws {
        let session = session()
        await inQueue(session)
        await service.move(to: "ENDED")
        await media.happen(.stopped(.endedByService))
        await wait(session) { $0 == .ended(.endedByService) }
        #expect(await !service.requests.contains { $0.method == "DELETE" })
        await eventually { await system.reports.suffix(2) == [.ended(.endedByService), .settled] }
    }
}
