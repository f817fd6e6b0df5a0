import Foundation
import InAppCalling
import InAppCallingFakes
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The local AWS that a Python test has started, and what plays agent and network there.
struct LocalAWS: Decodable {
    let apiURL: URL
    let controlURL: URL
    let controlHeader: [String: String]
    /// Each of a user who has never called.
    let tokens: [String: String]

    static let running: LocalAWS? = ProcessInfo.processInfo.environment["IN_APP_CALLING_LOCAL_AWS"].flatMap {
        try? JSONDecoder().decode(LocalAWS.self, from: Data($0.utf8))
    }

    struct Contacts: Decodable {
        struct Contact: Decodable {
            let ContactId: String
            let State: String
            let Digits: [String]
            let Way: [Block]
        }
        struct Block: Decodable { let `Type`: String }
        let Contacts: [Contact]
    }

    func client(
        _ user: String, transport: any Transport = URLSessionTransport(), clock: any Clock<Duration> = ContinuousClock()
    ) throws -> CallingClient {
        let token = try #require(tokens[user])
        return CallingClient(apiURL: apiURL, transport: transport, clock: clock) { _ in token }
    }

    func control(_ method: String, _ path: String, _ body: [String: Any]? = nil) async throws -> Data {
        let request = ServiceRequest(
            method: method, url: controlURL.appendingPathComponent(path),
            headers: controlHeader.merging(["Content-Type": "application/json"]) { first, _ in first },
            body: try body.map { try JSONSerialization.data(withJSONObject: $0) })
        let answer = try await URLSessionTransport().send(request)
        try #require(answer.status < 300, "\(method) \(path): \(answer.status)")
        return answer.body
    }

    func contact(_ id: String) async throws -> Contacts.Contact {
        let contacts = try JSONDecoder().decode(Contacts.self, from: await control("GET", "contacts")).Contacts
        return try #require(contacts.first { $0.ContactId == id })
    }

    /// The app's audio joins the contact, which reaches its flow by that.
    func join(_ id: String) async throws {
        _ = try await control("POST", "contacts/\(id)/join")
    }

    /// Something happens to a contact whose flow has come to the queue.
    func happen(_ event: String, to id: String) async throws {
        try await eventually { try await contact(id).Way.contains { $0.Type == "TransferContactToQueue" } }
        _ = try await control("POST", "contacts/\(id)/events", ["Event": event])
    }

    func withFault<Value>(
        _ service: String, _ operation: String, times: Int = 1000, _ effect: [String: Any],
        _ act: () async throws -> Value
    ) async throws -> Value {
        var fault = effect
        fault["Service"] = service
        fault["Operation"] = operation
        fault["Times"] = times
        _ = try await control("POST", "faults", fault)
        do {
            let value = try await act()
            _ = try await control("DELETE", "faults")
            return value
        } catch {
            _ = try await control("DELETE", "faults")
            throw error
        }
    }
}

struct NotWithinSeconds: Error {}

func eventually(_ holds: () async throws -> Bool) async throws {
    for _ in 0..<300 {
        if try await holds() { return }
        try await Task.sleep(for: .milliseconds(100))
    }
    throw NotWithinSeconds()
}

/// Loses the first answer that comes; keeps the last.
actor CutOnce: Transport {
    private let transport = URLSessionTransport()
    private(set) var sent = 0
    private(set) var lastAnswer: ServiceAnswer?

    func send(_ request: ServiceRequest) async throws -> ServiceAnswer {
        sent += 1
        let isFirst = sent == 1
        let answer = try await transport.send(request)
        if isFirst { throw URLError(.networkConnectionLost) }
        lastAnswer = answer
        return answer
    }
}

@Suite("End to end", .serialized, .enabled(if: LocalAWS.running != nil), .timeLimit(.minutes(5)))
struct EndToEndTests {
    let aws: LocalAWS

    init() throws { aws = try #require(LocalAWS.running) }

    /// The kind of problem that the operation ends in, with pauses that take no time.
    func problem(
        _ user: String, _ act: @escaping @Sendable (CallingClient) async throws -> Void
    ) async throws -> Problem.Kind? {
        let clock = FakeClock()
        let client = try aws.client(user, clock: clock)
        do {
            try await running(clock) { try await act(client) }
            return nil
        } catch CallingError.problem(let problem) {
            return problem.kind
        }
    }

    @Test func aWholeCall() async throws {
        let media = FakeMedia()
        let system = FakeSystemCall()
        let session = CallSession(client: try aws.client("whole"), media: media, system: system)
        await session.start()
        try await eventually { await session.contactID != nil }
        let id = try #require(await session.contactID)
        try await aws.join(id)
        try await eventually {
            if case .waiting(let wait) = await session.state, wait.since != nil { true } else { await media.hint() }
        }
        try await aws.happen("AgentConnected", to: id)
        try await eventually { if case .connected(.some) = await session.state { true } else { await media.hint() } }
        try await session.sendDigits("42#")
        #expect(try await aws.contact(id).Digits == ["42#"])

        await media.happen(.dropped)
        await media.happen(.stopped(.lost))
        try await eventually { await media.joins == 2 }
        try await eventually { if case .connected = await session.state { true } else { false } }

        await session.hangUp()
        try await eventually { await session.state == .ended(.hungUp) }
        #expect(try await aws.contact(id).State == "ended")
        #expect(await !media.isActive)
        #expect(await !system.isActive)
    }

    @Test func aCutConnectionReplaysTheCall() async throws {
        let transport = CutOnce()
        let client = try aws.client("cut", transport: transport)
        let call = try await client.startCall(StartCallRequest(displayName: "Ada"), key: "one-tap")
        #expect(await transport.sent == 2)
        let answer = try #require(await transport.lastAnswer)
        #expect(answer.status == 200)
        #expect(answer.header("idempotent-replayed") == "true")
        // The owner's guide decodes the real answer too.
        let guide = try JSONDecoder().decode(StartCallResponse.self, from: answer.body)
        #expect(
            guide.ConnectionData.MediaPlacement.AudioHostUrl
                == call.connectionData.meeting.mediaPlacement.audioHostURL)
        #expect(try await client.rejoinCall(call.contactID) == call)
        try await client.endCall(call.contactID)
        try await client.endCall(call.contactID)
        let status = try await client.status(of: call.contactID)
        #expect(status.progress == .ended)
        #expect(status.endedBy == .caller)
        #expect(try await aws.contact(call.contactID).State == "ended")
    }

    @Test func aHangUpDuringTheStartLeavesNoContact() async throws {
        let session = CallSession(client: try aws.client("hasty"), media: FakeMedia())
        await session.start()
        await session.hangUp()
        try await eventually { await session.state == .ended(.hungUp) }
        if let id = await session.contactID { #expect(try await aws.contact(id).State == "ended") }
        #expect(
            try await problem("hasty") { try await $0.endCall(try await $0.startCall(key: "next").contactID) } == nil)
    }

    @Test func problemsOfRequests() async throws {
        #expect(
            try await problem("requests") { client in
                _ = try await client.startCall(StartCallRequest(topic: "unknown"), key: "topic")
            } == .invalidRequest)
        #expect(
            try await problem("requests") { client in
                let text = String(repeating: "x", count: 30_000)
                let attributes = Dictionary(uniqueKeysWithValues: (0..<10).map { ("order_\($0)", text) })
                _ = try await client.startCall(StartCallRequest(attributes: attributes), key: "large")
            } == .tooLarge)
        #expect(try await problem("requests") { _ = try await $0.status(of: "unknown") } == .notFound)
        #expect(try await problem("nobody") { _ = try await $0.startCall(key: "tap") } == .unauthorized)
    }

    @Test func problemsOfCalls() async throws {
        let client = try aws.client("calls")
        let call = try await client.startCall(key: "tap")
        let id = call.contactID
        try await aws.join(id)
        #expect(
            try await problem("calls") { client in
                _ = try await client.startCall(StartCallRequest(displayName: "Bob"), key: "tap")
            } == .idempotencyKeyReused)
        do {
            _ = try await client.startCall(key: "another")
            Issue.record("two calls")
        } catch CallingError.problem(let problem) {
            #expect(problem.remedy == .resumeOrEnd(contactID: id))
        }
        try await aws.happen("CustomerDropped", to: id)
        #expect(try await problem("calls") { _ = try await $0.rejoinCall(id) } == .agentNotConnected)
        try await aws.happen("AgentConnected", to: id)
        try await eventually { try await client.status(of: id).progress == .connected }
        #expect(try await problem("calls") { try await $0.sendDigits("1", to: id) } == .notConnected)
        _ = try await client.rejoinCall(id)
        try await client.sendDigits("2", to: id)
        #expect(try await aws.contact(id).Digits == ["2"])
        try await client.endCall(id)
        #expect(try await problem("calls") { try await $0.sendDigits("3", to: id) } == .callEnded)
    }

    @Test(arguments: [
        ("ThrottlingException", 400, "capacityReached"), ("InternalServiceException", 500, "unavailable"),
        ("AccessDeniedException", 403, "internalError"), ("", 0, "answerIncomplete"),
    ])
    func problemsOfConnect(_ code: String, _ status: Int, _ kind: String) async throws {
        let effect: [String: Any] = code.isEmpty ? ["Malformed": true] : ["Error": ["Code": code, "Status": status]]
        let found = try await aws.withFault("connect", "StartWebRTCContact", effect) {
            try await problem("faults") { _ = try await $0.startCall(key: "\(kind)") }
        }
        #expect(found.map { "\($0)" } == kind)
    }

    @Test func aSlowConnectIsATimeOutAndThenACall() async throws {
        let id = try await aws.withFault("connect", "StartWebRTCContact", times: 1, ["DelaySeconds": 6]) {
            try await aws.client("slow").startCall(key: "tap").contactID
        }
        try await aws.client("slow").endCall(id)
        #expect(try await aws.contact(id).State == "ended")
    }
}

extension FakeMedia {
    /// Makes the session read the status now rather than in ten seconds.
    fileprivate func hint() async -> Bool {
        happen(.agentMayHaveJoined)
        return false
    }
}
