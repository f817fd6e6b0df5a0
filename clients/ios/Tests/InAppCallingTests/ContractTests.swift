import Foundation
import Testing

@testable import InAppCalling

/// The examples of openapi.yaml; a Python test holds the file equal to it.
struct Examples {
    private let values: [String: Any]

    init() throws {
        let file = try #require(
            Bundle.module.url(forResource: "examples", withExtension: "json", subdirectory: "Fixtures"))
        values = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    }

    var names: [String] { values.keys.sorted() }

    func data(_ name: String) throws -> Data {
        try JSONSerialization.data(withJSONObject: #require(values[name]))
    }

    func decode<Value: Decodable>(_ name: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: data(name))
    }

    /// The names of the examples that are problems.
    var problems: [String] {
        names.filter { (values[$0] as? [String: Any])?["type"] != nil }
    }
}

@Suite("The contract's examples") struct ContractTests {
    let examples: Examples

    init() throws { examples = try Examples() }

    @Test func startedCallDecodes() throws {
        let call: CallConnection = try examples.decode("StartedCall")
        #expect(call.contactID == "8f14e45f-ceea-467f-a2d6-5f1c6f2b9c11")
        #expect(call.participantToken.value == "QVFJREFIEXAMPLE")
        #expect(call.connectionData.attendee.joinToken.value == "NWQxZjNjNWUEXAMPLE")
        #expect(call.connectionData.meeting.mediaRegion == "eu-west-2")
        #expect(call.connectionData.meeting.meetingFeatures.audio.echoReduction == "UNAVAILABLE")
        let media = call.connectionData.meeting.mediaPlacement
        #expect(media.eventIngestionURL == "https://data.svc.ew2.ingest.chime.aws/v1/client-events")
        #expect(media.turnControlURL.hasPrefix("https://2706."))
    }

    @Test func theGuidesStructsDecodeTheAnswer() throws {
        let call: StartCallResponse = try examples.decode("StartedCall")
        #expect(call.ConnectionData.MediaPlacement.SignalingUrl == "wss://signal.m3.ew2.app.chime.aws/control/0f9a8e0a")
        #expect(call.ConnectionData.Meeting.MeetingId == "0f9a8e0a-53b1-4a86-9d0f-6f1c2b7d2706")
    }

    @Test func statusesDecodeToTheMillisecond() throws {
        let queued: CallStatus = try examples.decode("QueuedCall")
        #expect(queued.progress == .queued)
        let waited = try #require(queued.queuedAt).timeIntervalSince(queued.startedAt)
        #expect(abs(waited - 1.886) < 0.000_5)
        let connected: CallStatus = try examples.decode("ConnectedCall")
        #expect(connected.progress == .connected)
        #expect(connected.connectedAt != nil)
        let ended: CallStatus = try examples.decode("EndedCall")
        #expect(ended.progress == .ended)
        #expect(ended.endedAt != nil)
        #expect(ended.endedBy == .agent)
        #expect(ended.disconnectReason == "AGENT_DISCONNECT")
    }

    @Test func whatIsNotKnownIsNil() throws {
        let open: Availability = try examples.decode("OpenAndStaffed")
        #expect(open.isOpen == true)
        #expect(open.isStaffed == true)
        #expect(open.expectedWait == .seconds(120))
        #expect(open.closesAt != nil)
        let closed: Availability = try examples.decode("Closed")
        #expect(closed.isOpen == false)
        #expect(closed.opensAt != nil)
        let nothing: Availability = try examples.decode("NotKnown")
        #expect(nothing.isOpen == nil)
        #expect(nothing.isStaffed == nil)
        #expect(nothing.expectedWait == nil)
        #expect(nothing.askAgainAfter == .seconds(5))
        let waiting: CallStatus = try examples.decode("CallWithPosition")
        #expect(waiting.position == 3)
        #expect(waiting.positionAt != nil)
        #expect(waiting.expectedWait == .seconds(90))
        #expect(waiting.askAgainAfter == .seconds(10))
    }

    @Test func everyProblemHasItsKindAndARemedy() throws {
        var kinds: Set<Problem.Kind> = []
        for name in examples.problems {
            let problem: Problem = try examples.decode(name)
            #expect(!problem.requestID.isEmpty)
            kinds.insert(problem.kind)
            if case .other(let type) = problem.kind { Issue.record("\(type) has no kind") }
            if case .correctApp = problem.remedy { #expect([400, 413, 415, 422].contains(problem.status)) }
        }
        #expect(kinds == Set(Problem.Kind.named.values))
        let stale: Problem = try examples.decode("InsufficientUserAuthentication")
        #expect(stale.remedy == .signInAnew(maxAge: 300, amr: ["mfa"]))
        let active: Problem = try examples.decode("CallActive")
        #expect(active.remedy == .resumeOrEnd(contactID: "8f14e45f-ceea-467f-a2d6-5f1c6f2b9c11"))
        let invalid: Problem = try examples.decode("InvalidRequest")
        #expect(invalid.errors?.first?.pointer == "/Topic")
    }

    @Test func whatIsNewIsIgnoredOrKept() throws {
        let status = try JSONDecoder().decode(
            CallStatus.self,
            from: Data(
                #"{"ContactId": "c", "State": "PAUSED", "StartedAt": "2026-01-01T10:00:12.120Z", "New": {}}"#.utf8))
        #expect(status.progress == .other("PAUSED"))
        #expect(Problem.Kind(type: "urn:in-app-calling:problem:new") == .other("urn:in-app-calling:problem:new"))
    }

    @Test func noTokenOrNameIsInADescription() throws {
        let call: CallConnection = try examples.decode("StartedCall")
        let request = StartCallRequest(displayName: "Ada EXAMPLE", attributes: ["order_id": "A-EXAMPLE"])
        let sent = ServiceRequest(
            method: "POST", url: URL(string: "https://example.invalid/v1/start-call")!,
            headers: ["Authorization": "Bearer EXAMPLE"], body: Data("EXAMPLE".utf8))
        let answer = ServiceAnswer(status: 200, headers: ["x": "EXAMPLE"], body: try examples.data("StartedCall"))
        struct TokenError: Error { let token = "EXAMPLE" }
        let client = CallingClient(apiURL: URL(string: "https://example.invalid")!) { _ in "EXAMPLE" }
        let values: [Any] = [call, request, sent, answer, CallingError.noToken(TokenError()), client]
        for value in values {
            var dumped = ""
            if !(value is CallingError) { dump(value, to: &dumped) }
            for text in [String(describing: value), String(reflecting: value), dumped] {
                #expect(!text.contains("EXAMPLE"), "\(type(of: value))")
            }
        }
    }
}
