import Foundation
import InAppCalling
import InAppCallingFakes
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

@Suite("The client", .timeLimit(.minutes(1))) struct CallingClientTests {
    let service = FakeService()
    let clock = FakeClock()
    let tokens = Tokens()

    actor Tokens {
        private(set) var refreshes: [Bool] = []

        func next(_ forceRefresh: Bool) -> String {
            refreshes.append(forceRefresh)
            return "token-\(refreshes.count)"
        }
    }

    var client: CallingClient {
        CallingClient(
            apiURL: URL(string: "https://example.invalid/v1/")!, transport: service, clock: clock, jitter: { 1 }
        ) { [tokens] in await tokens.next($0) }
    }

    func run<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await running(clock, operation)
    }

    func problem(_ operation: @escaping @Sendable () async throws -> Void) async throws -> Problem {
        do {
            try await run(operation)
        } catch CallingError.problem(let problem) {
            return problem
        }
        throw CancellationError()
    }

    @Test func aStartSendsTokenKeyAndBody() async throws {
        let call = try await client.startCall(
            StartCallRequest(
                displayName: "Ada", topic: "billing", attributes: ["order_id": "A-1042"],
                capabilities: .init(video: true), previousContactID: "call-0"), key: "tap")
        #expect(call.contactID == "call-1")
        let request = try #require(await service.requests.first)
        #expect(request.url.absoluteString == "https://example.invalid/v1/start-call")
        #expect(request.headers["Authorization"] == "Bearer token-1")
        #expect(request.headers["Idempotency-Key"] == "tap")
        #expect(request.headers["Content-Type"] == "application/json")
        #expect(
            String(decoding: try #require(request.body), as: UTF8.self)
                == #"{"Attributes":{"order_id":"A-1042"},"Capabilities":{"ScreenShare":false,"Video":true},"#
                + #""DisplayName":"Ada","PreviousContactId":"call-0","Topic":"billing"}"#)
    }

    @Test func availabilityIsOfATopic() async throws {
        await service.take(calls: true, expectedSeconds: 120)
        let known = try await client.availability(topic: "a b&c")
        #expect(known.isOpen == true)
        #expect(known.expectedWait == .seconds(120))
        let request = try #require(await service.requests.first)
        #expect(request.url.absoluteString == "https://example.invalid/v1/availability?Topic=a%20b%26c")
        await service.take(calls: nil, staffed: nil)
        #expect(try await client.availability().isOpen == nil)
        #expect(await service.requests.last?.url.query == nil)
    }

    @Test func aCutConnectionStartsOneCall() async throws {
        await service.fail(.startCall, .cut)
        await service.fail(.startCall, .unreachable)
        let client = client
        let call = try await run { try await client.startCall(key: "tap") }
        #expect(call.contactID == "call-1")
        #expect(await service.started == 1)
        let requests = await service.requests
        #expect(requests.count == 3)
        #expect(Set(requests.map(\.body)).count == 1)
        #expect(Set(requests.map { $0.headers["Idempotency-Key"] }) == ["tap"])
        #expect(clock.sleeps == [.seconds(1), .seconds(2)])
    }

    @Test(arguments: [
        ("request-in-progress", 409), ("throttled", 429), ("capacity-reached", 429), ("unavailable", 503),
        ("timeout", 504), ("call-active", 409), ("not-possible-now", 409),
    ])
    func whatIsRepeatedWaitsForRetryAfter(_ slug: String, _ status: Int) async throws {
        await service.fail(.startCall, .problem(slug, status: status, retryAfter: 7))
        let client = client
        _ = try await run { try await client.startCall(key: "tap") }
        #expect(clock.sleeps == [.seconds(7)])
        #expect(await service.requests.count == 2)
    }

    @Test(arguments: [("internal-error", 500), ("answer-incomplete", 502)])
    func aFaultOfTheServiceIsRepeatedOnce(_ slug: String, _ status: Int) async throws {
        for _ in 0..<2 { await service.fail(.getCall, .problem(slug, status: status)) }
        let client = client
        #expect(try await problem { _ = try await client.status(of: "call-1") }.remedy == .inform)
        #expect(await service.requests.count == 2)
    }

    @Test(arguments: [
        ("insufficient-user-authentication", 403), ("caller-blocked", 403), ("forbidden", 403),
        ("agent-not-connected", 409), ("not-connected", 409), ("call-ended", 409), ("not-found", 404),
        ("not-possible-now", 409), ("calling-stopped", 503), ("rate-exceeded", 429), ("invalid-request", 400),
        ("too-large", 413), ("unsupported-media-type", 415), ("idempotency-key-reused", 422), ("invented", 418),
    ])
    func whatDoesNotHelpIsNotRepeated(_ slug: String, _ status: Int) async throws {
        await service.fail(.rejoinCall, .problem(slug, status: status))
        let client = client
        #expect(try await problem { _ = try await client.rejoinCall("call-1") }.status == status)
        #expect(await service.requests.count == 1)
    }

    @Test func aRefusedTokenIsRefreshedOnce() async throws {
        await service.fail(.startCall, .problem("unauthorized", status: 401))
        let client = client
        _ = try await run { try await client.startCall(key: "tap") }
        #expect(await tokens.refreshes == [false, true])
        #expect(await service.requests.map { $0.headers["Authorization"] } == ["Bearer token-1", "Bearer token-2"])
        for _ in 0..<2 { await service.fail(.getCall, .problem("unauthorized", status: 401)) }
        #expect(try await problem { _ = try await client.status(of: "call-1") }.remedy == .signIn)
    }

    @Test func repetitionsEndWithinAMinute() async throws {
        for _ in 0..<20 { await service.fail(.startCall, .problem("unavailable", status: 503)) }
        let client = client
        #expect(try await problem { _ = try await client.startCall(key: "tap") }.kind == .unavailable)
        let waited = clock.sleeps.reduce(Duration.zero, +)
        #expect(waited < .seconds(60) && waited > .seconds(45))
        await service.fail(.getCall, .problem("throttled", status: 429, retryAfter: 300))
        #expect(
            try await problem { _ = try await client.status(of: "call-1") }.remedy == .tryLater(seconds: 300))
    }

    @Test func anAnswerThatIsNotTheServicesIsNoProblem() async throws {
        await service.fail(.getCall, .other(status: 403, body: "<html>"))
        let client = client
        let failed = await failure { _ = try await client.status(of: "call-1") }
        #expect(failed is CallingError)
        #expect(await service.requests.count == 1)
        await service.fail(.startCall, .other(status: 502, body: "<html>"))
        await service.fail(.startCall, .other(status: 201, body: #"{"ParticipantToken": "EXAMPLE"}"#))
        do {
            _ = try await run { try await client.startCall(key: "tap") }
            Issue.record("decoded")
        } catch CallingError.unusableAnswer(let status) {
            #expect(status == 201)
        }
    }

    @Test func aCancelledTaskThrowsCancellationError() async throws {
        await service.fail(.startCall, .unreachable)
        let client = client
        let tap = Task { try await client.startCall(key: "tap") }
        while clock.sleeping == 0 { await Task.yield() }
        tap.cancel()
        let failed = await failure { _ = try await tap.value }
        #expect(failed is CancellationError)
    }

    @Test func hangingUpTwiceIsHangingUp() async throws {
        let call = try await client.startCall(key: "tap")
        try await client.endCall(call.contactID)
        try await client.endCall(call.contactID)
        try await client.endCall("unknown")
        #expect(await service.activeCall == nil)
    }

    @Test func digitsAreSentUnderAKeyOfTheirOwn() async throws {
        let call = try await client.startCall(key: "tap")
        try await client.sendDigits("1,2#", to: call.contactID)
        try await client.sendDigits("*", to: call.contactID)
        #expect(await service.digits == "1,2#*")
        #expect(Set(await service.requests.map { $0.headers["Idempotency-Key"] }).count == 3)
    }

    @Test func anIdIsAPartOfThePath() async throws {
        let client = client
        let failed = await failure { _ = try await client.status(of: "a/b?c%") }
        #expect(failed is CallingError)
        #expect(await service.requests.first?.url.absoluteString == "https://example.invalid/v1/calls/a%2Fb%3Fc%25")
    }

    @Test func aTokenGoesOverHTTPSOrNowhere() async throws {
        let plain = CallingClient(apiURL: URL(string: "http://example.invalid/v1")!, transport: service) { _ in "" }
        let failed = await failure { _ = try await plain.startCall(key: "tap") }
        #expect(failed is CallingError)
        #expect(await service.requests.isEmpty)
        let here = CallingClient(apiURL: URL(string: "http://127.0.0.1:4566/v1")!, transport: service) { _ in "" }
        _ = try await here.startCall(key: "tap")
    }

    @Test func aTokenThatCannotBeHadIsTheAppsError() async throws {
        struct SignedOut: Error {}
        let client = CallingClient(apiURL: URL(string: "https://example.invalid")!, transport: service) { _ in
            throw SignedOut()
        }
        do {
            _ = try await client.startCall(key: "tap")
            Issue.record("started")
        } catch CallingError.noToken(let error) {
            #expect(error is SignedOut)
        }
    }
}

/// What the operation throws. Inside an `#expect`, one that awaits crashes the compiler of Swift 6.0.
func failure(_ operation: @escaping @Sendable () async throws -> Void) async -> (any Error)? {
    do {
        try await operation()
        return nil
    } catch {
        return error
    }
}
